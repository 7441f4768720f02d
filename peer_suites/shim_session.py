"""One of our sessions without a response: outside of any handler, and for as long as a test wants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anyio
from starlette.types import Message, Receive, Scope, Send

from sessions import MemoryStore, Session, SessionMiddleware, Store


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """The app, which never answers: the response does not start, and `save()` can be called at any time."""


async def receive() -> Message:
    return {"type": "http.disconnect"}


async def send(_message: Message) -> None: ...


async def open_session(store: Store, key: str | None) -> Session:
    """The session of a request that brings this id, untouched so far."""
    headers = [(b"cookie", b"session=" + key.encode())] if key else []
    scope: Scope = {"type": "http", "scheme": "http", "headers": headers}
    await SessionMiddleware(nothing, store)(scope, receive, send)
    session = scope["session"]
    assert isinstance(session, Session)
    return session


def make_session(data: Mapping[str, Any] | None = None) -> Session:
    """What `Session({"a": 1})` is with Starlette: a session that came with this data, untouched so far."""
    return anyio.run(_came_with, data or {})


async def _came_with(data: Mapping[str, Any]) -> Session:
    store = MemoryStore()
    before = await open_session(store, None)
    before.update(data)
    await before.save()
    return await open_session(store, before.id)
