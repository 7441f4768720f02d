"""EXP-8: requests that extend no session, and requests that have none."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from support import KEY, Browser, Clock, Watched, answer, own, site

from sessions import CookieStore, MemoryStore, SessionMiddleware, Store, get_session

pytestmark = [pytest.mark.anyio, pytest.mark.promise("EXP-8")]


def is_no_poll(scope: Any) -> bool:
    return bool(scope["path"] != "/poll")


async def poll(request: Request) -> Response:
    return answer(request.session.get("a"))


class TestActivity:
    async def test_a_poll_keeps_nobody_signed_in(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(poll, store=store, expire_after=100, is_activity=is_no_poll))
        await browser.get("/write", a="1")
        for _ in range(9):
            clock.go(11)
            response = await browser.get("/poll")
            assert (response.json(), response.set_cookies) == ("1", [])
        clock.go(2)
        assert (await browser.get("/read")).json() == {}

    async def test_nor_with_the_cookie_store(self, clock: Clock) -> None:
        options: dict[str, Any] = {"store": CookieStore(), "encryption_key": KEY, "expire_after": 100}
        browser = Browser(site(poll, is_activity=is_no_poll, **options))
        await browser.get("/write", a="1")
        clock.go(99)
        assert (await browser.get("/poll")).json() == "1"
        clock.go(2)
        assert (await browser.get("/read")).json() == {}

    async def test_what_it_writes_is_saved_without_more_life(self, store: Store, clock: Clock) -> None:
        async def note(request: Request) -> Response:
            own(request)["noted"] = 1
            if "now" in request.query_params:
                await own(request).save()
            return answer()

        browser = Browser(
            site(note, store=store, expire_after=100, is_activity=lambda scope: scope["path"] != "/note")
        )
        for query in ({}, {"now": "1"}):
            await browser.get("/write", a="1")
            clock.go(99)
            assert not (await browser.get("/note", **query)).set_cookies
            assert (await browser.copy().get("/keys")).json() == ["a", "noted"]
            clock.go(2)
            assert (await browser.get("/read")).json() == {}

    async def test_touch_extends_all_the_same(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(store=store, expire_after=100, is_activity=lambda scope: False))
        await browser.get("/write", a="1")
        clock.go(99)
        await browser.get("/touch")
        clock.go(99)
        assert (await browser.get("/read")).json() == {"a": "1"}

    @pytest.mark.parametrize(
        ("rule", "extends"),
        [
            ("no-cache", True),
            ("max-age=0, must-revalidate", True),
            ("private, max-age=60", True),
            ("no-store", True),
            ("public, no-cache", True),
            ("must-revalidate", True),
            ("public", False),
            ("max-age=60", False),
            ("S-MaxAge=600, max-age=0", False),
            ("immutable, max-age=31536000", False),
        ],
    )
    async def test_a_page_extends_unless_shared_caches_may_keep_it(
        self, clock: Clock, rule: str, extends: bool
    ) -> None:
        async def page(request: Request) -> Response:
            return answer(headers={"Cache-Control": rule})

        browser = Browser(site(page, expire_after=100))
        await browser.get("/write", a="1")
        clock.go(50)
        assert bool((await browser.get("/page")).set_cookies) == extends


class TestExcluded:
    async def test_it_asks_no_store_and_extends_nothing(self, clock: Clock) -> None:
        store = Watched()
        browser = Browser(site(store=store, expire_after=100, exclude=["/untouched"]))
        await browser.get("/write", a="1")
        clock.go(50)
        store.calls.clear()
        response = await browser.get("/untouched")
        assert (response.text, response.set_cookies, response.header("vary")) == ("never looked", [], None)
        assert store.calls == {}
        clock.go(51)
        assert (await browser.get("/read")).json() == {}

    @pytest.mark.parametrize(
        ("path", "excluded"),
        [
            ("/static/a.css", True),
            ("/static/", True),
            ("/static", False),
            ("/statics/a.css", False),
            ("/health", True),
            ("/health/", False),
            ("/", False),
        ],
    )
    async def test_the_paths(self, path: str, excluded: bool) -> None:
        seen: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(type(scope["session"]).__name__)

        middleware = SessionMiddleware(app, MemoryStore(), exclude=["/static/", "/health"])
        for root in ("", "/shop"):
            scope: dict[str, Any] = {"type": "http", "path": root + path, "root_path": root, "headers": []}
            await middleware(scope, None, None)
        assert [name == "Excluded" for name in seen] == [excluded, excluded]

    async def test_a_function_decides(self) -> None:
        store = Watched()
        app = site(
            store=store, exclude=lambda scope: scope["method"] == "HEAD" or scope["path"] == "/untouched"
        )
        browser = Browser(app)
        await browser.get("/write", a="1")
        store.calls.clear()
        await browser.get("/untouched")
        assert store.calls == {}

    @pytest.mark.parametrize(
        "look",
        [
            lambda request: request.session["a"],
            lambda request: request.session.get("a"),
            lambda request: request.session.update(a=1),
            lambda request: dict(request.session),
            lambda request: "a" in request.session,
            lambda request: request.session.owner,
            lambda request: request.session.destroy(),
            lambda request: bool(request.session),
            get_session,
        ],
    )
    async def test_a_look_is_an_error_that_says_why(self, look: Any) -> None:
        async def page(request: Request) -> Response:
            return answer(look(request))

        response = await Browser(site(page, exclude=["/page"])).get("/page")
        assert isinstance(response.error, LookupError)
        assert "exclude" in str(response.error)

    async def test_websockets_too(self) -> None:
        async def talk(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_text(type(socket.scope["session"]).__name__)
            await socket.close()

        app = site(routes=[WebSocketRoute("/live", talk)], exclude=["/live"])
        with TestClient(app).websocket_connect("/live") as socket:
            assert socket.receive_text() == "Excluded"

    async def test_another_middleware_around_it_keeps_its_session(self) -> None:
        async def page(request: Request) -> Response:
            return answer(get_session(request, "outer").increment("n"))

        inner = SessionMiddleware(
            site(page).router, MemoryStore(), session_cookie_name="inner", exclude=["/page"]
        )
        outer = SessionMiddleware(
            Starlette(routes=[Mount("/", inner)]), MemoryStore(), session_cookie_name="outer"
        )
        assert (await Browser(outer).get("/page")).json() == 1

    @pytest.mark.parametrize(
        ("exclude", "error"), [("/static/", TypeError), ([1], TypeError), (["static"], ValueError)]
    )
    def test_what_cannot_be_meant_is_an_error(self, exclude: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="exclude"):
            SessionMiddleware(site(), MemoryStore(), exclude=exclude)
