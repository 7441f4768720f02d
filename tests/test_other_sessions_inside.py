"""OBJ-6: sessions of other libraries, further in than ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import starsessions
from sqladmin import Admin
from sqladmin.authentication import AuthenticationBackend
from sqlalchemy import create_engine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as StarlettesMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from support import KEY, Browser, answer, site

from sessions import CookieStore, MemoryStore

pytestmark = [pytest.mark.anyio, pytest.mark.promise("OBJ-6", "OBJ-8")]

KINDS: list[Callable[[], Any]] = [MemoryStore, CookieStore]


async def read(request: Request) -> Response:
    return answer(dict(request.session))


async def write(request: Request) -> Response:
    request.session.update(dict(request.query_params))
    return answer()


async def empty(request: Request) -> Response:
    request.session.clear()
    return answer()


async def untouched(request: Request) -> Response:
    return answer()


def around(inner: Middleware, kind: Callable[[], Any], *handlers: Any, **options: Any) -> Browser:
    """A site of ours; below `/inner` the other middleware has the session."""
    named = (read, write, empty, untouched, *handlers)
    routes = [Route(f"/{each.__name__}", each) for each in named]
    mount = Mount("/inner", Starlette(routes=routes, middleware=[inner]))
    return Browser(site(store=kind(), routes=[mount], encryption_key=KEY, **options))


def starlettes(cookie_name: str = "session") -> Middleware:
    return Middleware(StarlettesMiddleware, secret_key="another secret", session_cookie=cookie_name)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.promise("OBJ-8")
@pytest.mark.parametrize("kind", KINDS)
async def test_two_middlewares_with_one_cookie_are_one_line_in_the_log(
    kind: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    browser = around(starlettes(), kind)
    await browser.get("/write?ours=1")
    await browser.get("/inner/read")
    assert not errors(caplog)
    for _ in range(2):
        await browser.get("/inner/write?theirs=1")
    (error,) = errors(caplog)
    assert "'session'" in error
    assert "session_cookie_name=" in error


@pytest.mark.parametrize("kind", KINDS)
async def test_with_cookies_of_their_own_neither_touches_the_other(
    kind: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    browser = around(starlettes("session_inner"), kind)
    await browser.get("/write?ours=1")
    for page in ("untouched", "read", "empty"):  # theirs is empty, which is no logout of ours
        await browser.get(f"/inner/{page}")
        assert (await browser.get("/read")).json() == {"ours": "1"}
    await browser.get("/inner/write?theirs=1")
    await browser.get("/write?more=1")
    assert (await browser.get("/inner/read")).json() == {"theirs": "1"}
    assert (await browser.get("/read")).json() == {"ours": "1", "more": "1"}
    await browser.get("/destroy")
    assert (await browser.get("/inner/read")).json() == {"theirs": "1"}
    await browser.get("/write?ours=2")
    await browser.get("/inner/empty")
    assert (await browser.get("/inner/read")).json() == {}
    assert (await browser.get("/read")).json() == {"ours": "2"}
    assert not errors(caplog)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loads", [True, False])
async def test_starsessions_inside(kind: Callable[[], Any], loads: bool) -> None:
    async def load(request: Request) -> Response:
        if loads:
            await starsessions.load_session(request)
            request.session.update(dict(request.query_params))
        return answer()

    store = starsessions.InMemoryStore()
    inner = Middleware(
        starsessions.SessionMiddleware, store=store, cookie_name="theirs", cookie_https_only=False
    )
    browser = around(inner, kind, load)
    await browser.get("/write?ours=1")
    for page in ("load", "load?theirs=1", "load"):
        assert (await browser.get(f"/inner/{page}")).status == 200
        assert (await browser.get("/read")).json() == {"ours": "1"}


class Backend(AuthenticationBackend):
    """As in sqladmin's manual, without the form."""

    async def login(self, request: Request) -> bool:
        request.session.update({"token": "of the admin"})
        return True

    async def logout(self, request: Request) -> bool:
        request.session.clear()
        return True

    async def authenticate(self, request: Request) -> bool:
        return "token" in request.session


def with_sqladmin(its_cookie: str = "session", **options: Any) -> Browser:
    app = site(encryption_key=KEY, **options)
    backend = Backend(secret_key="another secret", session_cookie=its_cookie)
    Admin(app, create_engine("sqlite://"), authentication_backend=backend)
    return Browser(app)


@pytest.mark.promise("OBJ-8")
async def test_sqladmin_with_our_cookies_name_is_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    browser = with_sqladmin()
    for _ in range(2):
        assert (await browser.post("/admin/login")).status == 302
    (error,) = errors(caplog)
    assert "session_cookie_name=" in error


@pytest.mark.parametrize(("ours", "theirs"), [("session_shop", "session"), ("session", "admin")])
async def test_sqladmin_beside_a_session_with_another_name(
    ours: str, theirs: str, caplog: pytest.LogCaptureFixture
) -> None:
    browser = with_sqladmin(theirs, session_cookie_name=ours)
    await browser.get("/write?cart=1")
    assert (await browser.get("/admin/")).status == 302  # to the login, where nobody has a session yet
    assert (await browser.get("/read")).json() == {"cart": "1"}
    await browser.post("/admin/login")
    assert (await browser.get("/admin/")).status == 200
    assert (await browser.get("/read")).json() == {"cart": "1"}
    await browser.get("/admin/logout")
    assert (await browser.get("/admin/")).status == 302
    assert (await browser.get("/read")).json() == {"cart": "1"}
    assert not errors(caplog)
