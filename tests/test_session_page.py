"""What docs/session.md shows does what it says."""

from __future__ import annotations

import pytest
from pages import block_with
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from support import Browser, answer, site

from sessions import MemoryStore

PAGE = "docs/session.md"


@pytest.mark.anyio
async def test_its_login_and_logout() -> None:
    block = block_with(PAGE, "async def log_in(").run()

    async def log_in(request: Request) -> Response:
        await block["log_in"](request)
        return answer()

    async def log_out(request: Request) -> Response:
        await block["log_out"](request)
        return answer()

    store = MemoryStore()
    browser = Browser(site(log_in, log_out, store=store))
    await browser.get("/write", failed_attempts="1")
    before = browser.copy()
    await browser.get("/log_in")
    await browser.get("/log_in")
    assert (await before.get("/read")).json() == {}
    (session,) = await store.sessions_of("ada")
    assert session.data == {"cart": ["bread", "bread"], "seen": [7, 7]}
    assert (await browser.get("/message")).json() == "Welcome!"
    await browser.get("/log_out")
    assert browser.cookie() is None
    assert await store.sessions_of("ada") == []


def test_its_websocket_lives_as_long_as_the_session() -> None:
    talk = block_with(PAGE, "socket: WebSocket").run()["talk"]
    app = site(store=MemoryStore(), expire_after=60, routes=[WebSocketRoute("/talk", talk)])
    with TestClient(app) as client:
        client.get("/write?name=Ada")
        with client.websocket_connect("/talk") as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "Ada: hello"
            client.get("/write?name=Grace")
            socket.send_text("hello")
            assert socket.receive_text() == "Grace: hello"
            client.get("/destroy")
            socket.send_text("hello")
            with pytest.raises(WebSocketDisconnect):
                socket.receive_text()
