"""Sessions that begin and end, by requests to an app."""

from __future__ import annotations

from typing import Any, Final

from sessions import SessionMiddleware, Store

REQUEST: Final = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "raw_path": b"/",
    "root_path": "",
    "query_string": b"",
    "scheme": "http",
    "http_version": "1.1",
}


async def births_and_deaths(store: Store, number: int) -> None:
    """So many sessions, one after the other: a request begins each, another one ends it."""
    app = SessionMiddleware(_app, store)
    for _ in range(number):
        cookie = await _cookie_after(app, [])
        await _cookie_after(app, [(b"cookie", cookie)])


async def _app(scope: Any, receive: Any, send: Any) -> None:
    session = scope["session"]
    if session:
        session.destroy()
    else:
        session["email"] = "ada@example.com"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _cookie_after(app: SessionMiddleware, headers: list[tuple[bytes, bytes]]) -> bytes:
    """What the browser sends from then on."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({**REQUEST, "headers": headers}, None, send)
    (line,) = (value for name, value in sent[0]["headers"] if name == b"set-cookie")
    cookie: bytes = line.partition(b";")[0]
    return cookie
