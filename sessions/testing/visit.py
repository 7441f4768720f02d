"""One request through an app's `SessionMiddleware`, to a handler in the app's place.

What is written this way is written by the library's own code: the cookie is what a browser would get.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any
from urllib.parse import urlsplit

from sessions._middleware import SessionMiddleware
from sessions._session import Session
from sessions.errors import StoreUnavailable

Handler = Callable[[Session], Any]
"""What is done with the session. It may be asynchronous."""


def cookie_url(middleware: SessionMiddleware, url: str) -> str:
    """An address to which the app's cookie is sent, for a visitor of this one."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{middleware.cookie_path(_scope(url, ''))}"


async def visit(
    middleware: SessionMiddleware, handler: Handler, *, url: str, cookies: str = "", only_looks: bool = False
) -> list[str]:
    """The `Set-Cookie` values of the response. `cookies` is the request's `Cookie` header.

    Raises what the handler raises, `SessionEnded`, `SessionTooLarge` and `StoreUnavailable`.
    """
    called, raised, lines = False, list[Exception](), list[str]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal called
        called = True
        session = scope["session"]
        try:
            result = handler(session)
            if isawaitable(result):
                await result
            if not only_looks:
                await session.save()  # which raises what the response would only log
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        except Exception as fault:
            raised.append(fault)  # the middleware answers some of them itself
            raise

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        lines.extend(value.decode() for name, value in message.get("headers", ()) if name == b"set-cookie")

    try:
        await middleware.around(app, only_looks=only_looks)(_scope(url, cookies), receive, send)
    except Exception as fault:
        raised.append(fault)
    if raised:
        raise raised[0]
    if not called:
        raise StoreUnavailable("the store cannot be reached")
    return lines


def _scope(url: str, cookies: str) -> dict[str, Any]:
    parts = urlsplit(url)
    path = parts.path or "/"
    headers = [(b"host", parts.netloc.encode())]
    if cookies:
        headers.append((b"cookie", cookies.encode("latin-1")))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": parts.scheme,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "server": (parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]),
        "client": ("127.0.0.1", 1),
        "state": {},
    }


async def close_store(middleware: SessionMiddleware) -> None:
    """Give back the connections that the running event loop opened."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.shutdown.complete"})

    async def nothing(*_: Any) -> Any:
        pass

    await middleware.around(app)({"type": "lifespan"}, nothing, nothing)
