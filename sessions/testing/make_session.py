"""A session without an app, to call a handler with."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

from sessions._middleware import SessionMiddleware
from sessions._session import Session
from sessions.stores.memory import MemoryStore
from sessions.testing.seen import filling
from sessions.testing.visit import visit

_URL = "http://testserver"


def make_session(
    values: Mapping[str, Any] | None = None,
    *,
    owner: str | int | None = None,
    flash: Mapping[str, Any] | None = None,
) -> Session:
    """A session as a handler gets it, in a request that has arrived with these values; else an anonymous one.

    For tests that call a handler without an app: `scope["session"] = make_session({"cart": [1]})`. It can do
    whatever a session can. `await session.save()` keeps it in a store of its own.

    Raises `TypeError` for a value that JSON cannot hold.
    """
    made = list[Session]()

    async def keep_open(scope: Any, receive: Any, send: Any) -> None:
        made.append(scope["session"])  # and no response: to the session, the handler still runs

    async def make() -> None:
        middleware = SessionMiddleware(keep_open, MemoryStore())
        headers = list[tuple[bytes, bytes]]()
        if values or flash or owner is not None:
            (line,) = await visit(middleware, filling(values, owner, flash), url=_URL)
            headers.append((b"cookie", line.partition(";")[0].encode()))
        await middleware({"type": "http", "path": "/", "headers": headers}, _nothing, _nothing)

    _run(make())
    return made[0]


async def _nothing(*_: Any) -> Any:
    pass


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """To its end, without an event loop: a new store in memory has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("the store in memory has waited")
