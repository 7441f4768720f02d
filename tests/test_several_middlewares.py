"""OBJ-6: several sessions in one app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from support import KEY, Browser, answer, site

from sessions import CookieStore, MemoryStore, SessionMiddleware, get_session

pytestmark = [pytest.mark.anyio, pytest.mark.promise("OBJ-6")]

PAIRS: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
    (MemoryStore, MemoryStore),
    (MemoryStore, CookieStore),
    (CookieStore, CookieStore),
]


async def both(request: Request) -> Response:
    return answer([dict(get_session(request, "session")), dict(get_session(request, "session_cart"))])


async def act(request: Request) -> Response:
    """`/act?on=session_cart&do=rotate`"""
    session = get_session(request, request.query_params["on"])
    if (verb := request.query_params["do"]) == "set":
        session["at"] = request.query_params["on"]
    else:
        getattr(session, verb)()
    return answer()


def pair(stores: tuple[Callable[[], Any], Callable[[], Any]], *handlers: Any, **options: Any) -> Browser:
    inner = Middleware(
        SessionMiddleware, store=stores[1](), session_cookie_name="session_cart", encryption_key=KEY
    )
    outer = site(both, act, *handlers, store=stores[0](), encryption_key=KEY, inner=[inner], **options)
    return Browser(outer)


@pytest.mark.parametrize("stores", PAIRS)
async def test_each_is_reachable_by_its_name(stores: Any) -> None:
    browser = pair(stores)
    await browser.get("/act?on=session&do=set")
    assert set(browser.sent("/")) == {"session"}
    await browser.get("/act?on=session_cart&do=set")
    assert set(browser.sent("/")) == {"session", "session_cart"}
    assert (await browser.get("/both")).json() == [{"at": "session"}, {"at": "session_cart"}]


@pytest.mark.parametrize("stores", PAIRS)
async def test_the_innermost_is_request_session(stores: Any) -> None:
    browser = pair(stores)
    await browser.get("/write?a=1")
    assert (await browser.get("/both")).json() == [{}, {"a": "1"}]


@pytest.mark.parametrize("stores", PAIRS)
@pytest.mark.parametrize("name", ["session", "session_cart"])
async def test_each_dies_alone(stores: Any, name: str) -> None:
    browser = pair(stores)
    await browser.get("/act?on=session&do=set")
    await browser.get("/act?on=session_cart&do=set")
    (line,) = (await browser.get(f"/act?on={name}&do=destroy")).set_cookies
    assert line.startswith(f"{name}=;")
    expected = [{"at": "session"}, {"at": "session_cart"}]
    expected[["session", "session_cart"].index(name)] = {}
    assert (await browser.get("/both")).json() == expected


@pytest.mark.parametrize("name", ["session", "session_cart"])
async def test_each_rotates_alone(name: str) -> None:
    browser = pair((MemoryStore, MemoryStore))
    await browser.get("/act?on=session&do=set")
    await browser.get("/act?on=session_cart&do=set")
    before = browser.sent("/")
    (line,) = (await browser.get(f"/act?on={name}&do=rotate")).set_cookies
    assert line.startswith(f"{name}=")
    after = browser.sent("/")
    assert {each for each in after if after[each] != before[each]} == {name}
    assert (await browser.get("/both")).json() == [{"at": "session"}, {"at": "session_cart"}]


async def test_both_may_set_cookies_on_one_response() -> None:
    async def all_at_once(request: Request) -> Response:
        for name in ("session", "session_cart"):
            get_session(request, name)["a"] = 1
        return answer()

    browser = pair((MemoryStore, MemoryStore), all_at_once)
    response = await browser.get("/all_at_once")
    assert sorted(line.partition("=")[0] for line in response.set_cookies) == ["session", "session_cart"]
    assert response.header("vary") == "Cookie"
    assert response.header("cache-control") == "private"
    assert (await browser.get("/both")).json() == [{"a": 1}, {"a": 1}]


async def test_the_one_cookie_is_worth_nothing_as_the_other() -> None:
    store = MemoryStore()
    browser = pair((lambda: store, MemoryStore))
    await browser.get("/act?on=session&do=set")
    browser.plant(browser.cookie() or "", "session_cart")
    assert (await browser.get("/both")).json() == [{"at": "session"}, {}]


async def test_a_name_that_no_middleware_has_is_a_lookup_error() -> None:
    async def wrong(request: Request) -> Response:
        with pytest.raises(LookupError, match="'cart'"):
            get_session(request, "cart")
        with pytest.raises(LookupError, match="no SessionMiddleware is around"):
            get_session({})
        return answer(get_session(request.scope) is get_session(request, "session"))

    assert (await Browser(site(wrong)).get("/wrong")).json() is True


async def test_a_mounted_app_may_have_its_own() -> None:
    async def name(request: Request) -> Response:
        own = get_session(request, "session_shop")
        assert request.session is own is get_session(request)
        request.session.setdefault("at", "shop")
        get_session(request, "session").setdefault("at", "outside")
        return answer()

    shop = Starlette(
        routes=[Route("/", name), Route("/read", lambda request: answer(dict(request.session)))],
        middleware=[
            Middleware(
                SessionMiddleware,
                store=MemoryStore(),
                session_cookie_name="session_shop",
                cookie_options={"path": "/shop"},
            )
        ],
    )
    browser = Browser(site(store=MemoryStore(), routes=[Mount("/shop", shop)]))
    response = await browser.get("/shop/")
    assert len(response.set_cookies) == 2
    assert set(browser.sent("/")) == {"session"}
    assert set(browser.sent("/shop/")) == {"session", "session_shop"}
    assert (await browser.get("/shop/read")).json() == {"at": "shop"}
    assert (await browser.get("/read")).json() == {"at": "outside"}


def test_websockets_have_both() -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json([dict(get_session(socket, name)) for name in ("session", "session_cart")])
        await socket.close()

    client = TestClient(pair((MemoryStore, CookieStore), routes=[WebSocketRoute("/ws", talk)]).app)
    for name in ("session", "session_cart"):
        client.get("/act", params={"on": name, "do": "set"})
    with client.websocket_connect("/ws") as socket:
        assert socket.receive_json() == [{"at": "session"}, {"at": "session_cart"}]
