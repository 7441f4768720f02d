"""The app under test: one route for each kind of operation. It answers what the handler has seen."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sessions import Session, SessionEnded, SessionMiddleware, Store, StoreUnavailable, get_session

Query = Mapping[str, str]

LANES: Final = 3
"""Requests that one browser has under way at once, at most."""

SAVES: Final = 50
"""How often a handler that saves by itself tries to, while the store is away."""

SLOW: Final = 0.02
"""Seconds that a slow handler takes at most, between its first look at the session and its change."""

PAUSE = 0.02
"""Seconds between two tries to save."""
EXPIRE_AFTER: Final = 3600.0
REFRESH_INTERVAL: Final = 3.0
"""Seconds: so short that sessions are extended in the middle of everything else."""


async def begin(session: Session, query: Query, store: Store) -> None:
    session.update(life=int(query["life"]), n=0, log=[])


async def add(session: Session, query: Query, store: Store) -> None:
    number = int(query["number"])
    session.increment("n")
    session.update("log", lambda log: [*(log or []), number])
    if "save" in query:
        await _save(session)


async def assign(session: Session, query: Query, store: Store) -> None:
    session[f"lane {query['lane']}"] = int(query["number"])


async def flash(session: Session, query: Query, store: Store) -> None:
    session.flash("flash", int(query["number"]))


async def take(session: Session, query: Query, store: Store) -> dict[str, Any]:
    return {"flash": session.get("flash")}


async def read(session: Session, query: Query, store: Store) -> dict[str, Any]:
    lanes = [session.get(f"lane {lane}", 0) for lane in range(LANES)]
    return {"n": session.get("n", 0), "log": session.get("log", []), "lanes": lanes, "owner": session.owner}


async def login(session: Session, query: Query, store: Store) -> None:
    session.rotate()
    session.owner = query["owner"]


async def rotate(session: Session, query: Query, store: Store) -> None:
    session.rotate()


async def logout(session: Session, query: Query, store: Store) -> None:
    session.destroy()


async def everywhere(session: Session, query: Query, store: Store) -> dict[str, Any]:
    """Sign out everywhere."""
    await store.destroy_all(query["owner"])
    return {"left": len(await store.sessions_of(query["owner"]))}


async def purge(session: Session, query: Query, store: Store) -> None:
    await store.purge()


Handler = Callable[[Session, Query, Store], Awaitable[dict[str, Any] | None]]

HANDLERS: Final[dict[str, Handler]] = {
    each.__name__: each
    for each in (begin, add, assign, flash, take, read, login, rotate, logout, everywhere, purge)
}


async def _save(session: Session) -> None:
    """As a handler does that wants to be sure: again, until an answer comes back (CONC-5)."""
    for attempt in range(SAVES):
        try:
            await session.save()
            return
        except StoreUnavailable:
            if attempt == SAVES - 1:
                raise
            await anyio.sleep(PAUSE)


def create_app(store: Store) -> Starlette:
    async def serve(request: Request) -> Response:
        session = get_session(request)
        life = session.get("life", 0)
        if "slow" in request.query_params:
            await anyio.sleep(random.random() * SLOW)
        try:
            seen = await HANDLERS[request.path_params["kind"]](session, request.query_params, store)
        except SessionEnded:
            return Response(b"{}", 409)
        return Response(msgspec.json.encode({"life": life, **(seen or {})}), media_type="application/json")

    middleware = Middleware(
        SessionMiddleware, store=store, expire_after=EXPIRE_AFTER, refresh_interval=REFRESH_INTERVAL
    )
    return Starlette(routes=[Route("/{kind}", serve)], middleware=[middleware])
