"""ASGI allows any iterable of headers, also one that can be gone through only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from support import KEY, Browser, Clock

from sessions import CookieStore, MemoryStore, SessionMiddleware
from sessions.moving import StarletteCookie

pytestmark = [pytest.mark.anyio, pytest.mark.promise("COOKIE-5: headers stay", "SAVE-1")]

Headers = Iterable[tuple[bytes, bytes]]


def generator(headers: Headers) -> Headers:
    yield from headers


KINDS: list[Callable[[Headers], Any]] = [generator, iter, tuple, lambda headers: dict(headers).items()]


@pytest.mark.parametrize("kind", KINDS, ids=["generator", "iterator", "tuple", "view"])
@pytest.mark.parametrize("path", ["/untouched", "/read", "/write", "/both"])
@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {"store": MemoryStore()},
        {"store": CookieStore(), "encryption_key": KEY},
        {"store": MemoryStore(), "adopt": [StarletteCookie("a secret for tests", "old")]},
    ],
    ids=["server", "cookie", "adopt"],
)
async def test_those_of_the_request_and_of_the_response(
    kind: Any, path: str, begun: bool, options: dict[str, Any], clock: Clock
) -> None:
    seen: list[dict[bytes, bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(dict(scope["headers"]))
        session = scope["session"]
        if scope["path"] in ("/read", "/both"):
            assert session.get("a") == ("1" if browser.cookie() else None)
        if scope["path"] in ("/write", "/both"):
            session["a"] = "1"
        headers = kind([(b"content-type", b"text/plain"), (b"x-one", b"1")])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    middleware = SessionMiddleware(app, expire_after=100, **options)

    async def server(scope: Any, receive: Any, send: Any) -> None:
        await middleware({**scope, "headers": kind(scope["headers"])}, receive, send)

    browser = Browser(server)
    if begun:
        await browser.get("/write")
    response = await browser.get(path)
    assert (response.header("content-type"), response.header("x-one")) == ("text/plain", "1")
    assert seen[-1][b"host"] == b"app.example"
    assert (b"cookie" in seen[-1]) == begun
    if path in ("/write", "/both"):
        assert browser.cookie()
        clock.go(50)
        assert (await browser.get("/read")).set_cookies != []
