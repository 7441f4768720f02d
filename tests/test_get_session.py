"""`get_session`: called with a request, and as a dependency of FastAPI."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from support import Browser, answer, site

from sessions import MemoryStore, Session, SessionMiddleware, get_session

pytestmark = pytest.mark.promise("OBJ-1")

CurrentSession = Annotated[Session, Depends(get_session)]


# -- called with a request ---------------------------------------------------------------------------


@pytest.mark.anyio
async def test_without_a_name_it_is_what_request_session_is() -> None:
    async def same(request: Request) -> Response:
        return answer([get_session(each) is request.session for each in (request, request.scope)])

    cart = Middleware(SessionMiddleware, store=MemoryStore(), session_cookie_name="cart")
    assert (await Browser(site(same, inner=[cart])).get("/same")).json() == [True, True]


@pytest.mark.anyio
async def test_a_cookie_of_another_name_makes_no_difference() -> None:
    async def count(request: Request) -> Response:
        return answer(get_session(request).increment("n"))

    browser = Browser(site(count, session_cookie_name="__Host-id"), scheme="https")
    assert [(await browser.get("/count")).json() for _ in range(2)] == [1, 2]


@pytest.mark.anyio
async def test_what_the_app_puts_in_the_place_of_the_session_does_not_hide_it() -> None:
    async def replace(request: Request) -> Response:
        request.scope["session"] = {"a": 1}
        get_session(request).rotate()
        return answer()

    browser = Browser(site(replace))
    await browser.get("/write", b="2")
    before = browser.cookie()
    await browser.get("/replace")
    assert browser.cookie() != before
    assert (await browser.get("/read")).json() == {"a": 1}


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-5")
async def test_it_is_a_look_at_the_session() -> None:
    async def ask(request: Request) -> Response:
        get_session(request)
        return answer()

    browser = Browser(site(ask))
    assert (await browser.get("/ask")).header("vary") == "Cookie"
    assert (await browser.get("/untouched")).header("vary") is None


# -- as a dependency of FastAPI ----------------------------------------------------------------------


def shop() -> FastAPI:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, store=MemoryStore())
    app.add_middleware(SessionMiddleware, store=MemoryStore(), session_cookie_name="other")

    @app.get("/async")
    async def asynchronous(session: CurrentSession) -> int:
        number: int = session.increment("n")
        return number

    @app.get("/sync")
    def synchronous(session: CurrentSession) -> int:  # in a worker thread
        number: int = session.increment("n")
        return number

    @app.get("/other")
    async def other(request: Request) -> dict[str, Any]:
        return dict(get_session(request, "other"))

    @app.websocket("/socket")
    async def talk(socket: WebSocket, session: CurrentSession) -> None:
        session.increment("n")
        await socket.accept()
        await socket.send_json(dict(session))
        await socket.close()

    return app


def test_a_route_and_a_websocket_get_the_session_of_their_browser() -> None:
    with TestClient(shop()) as client:
        assert [client.get(path).json() for path in ("/async", "/sync", "/async")] == [1, 2, 3]
        with client.websocket_connect("/socket") as socket:
            assert socket.receive_json() == {"n": 4}
        assert client.get("/async").json() == 5
    with TestClient(shop()) as client:
        assert client.get("/async").json() == 1


@pytest.mark.promise("OBJ-6")
@pytest.mark.parametrize("query", ["name=other", "connection=other", "name=other&connection=other"])
def test_a_request_cannot_choose_another_session(query: str) -> None:
    with TestClient(shop()) as client:
        assert client.get("/async").json() == 1
        assert client.get(f"/async?{query}").json() == 2
        with client.websocket_connect(f"/socket?{query}") as socket:
            assert socket.receive_json() == {"n": 3}
        assert client.get("/other").json() == {}


def test_the_app_s_openapi_knows_no_parameter_of_it() -> None:
    paths = shop().openapi()["paths"]
    assert set(paths) == {"/async", "/sync", "/other"}
    for path in paths.values():
        assert "parameters" not in path["get"]
        assert "requestBody" not in path["get"]


def test_a_test_of_the_app_may_put_another_in_its_place() -> None:
    app = shop()
    app.dependency_overrides[get_session] = lambda: Count(41)
    with TestClient(app) as client:
        assert client.get("/async").json() == 42


class Count:
    """What a test gives its handler in place of a session."""

    def __init__(self, number: int) -> None:
        self.number = number

    def increment(self, _: str) -> int:
        return self.number + 1
