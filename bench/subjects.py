"""What is measured: one bare app, and the same app behind each library's session middleware."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import starsessions
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware as StarletteSessions
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sessions import CookieStore, MemoryStore, SessionMiddleware
from sessions._keys import forget_opened_seals

KEY = "a key for measuring, of 32 or more characters"
TWO_WEEKS = 14 * 24 * 60 * 60
SESSION = {"user": "someone@example.org", "csrf": "x" * 43, "theme": "dark", "counter": 1}
"""What every session holds at first: about 100 bytes of JSON."""

Wrap = Callable[[Any], Any]


async def untouched(request: Request) -> Response:
    return Response(b"ok")


async def read(request: Request) -> Response:
    return Response(b"ok" if request.session.get("user") else b"nobody")


async def write(request: Request) -> Response:
    request.session["counter"] = request.session.get("counter", 0) + 1
    return Response(b"ok")


async def fill(request: Request) -> Response:
    request.session.update(SESSION)
    return Response(b"ok")


HANDLERS = {handler.__name__: handler for handler in (untouched, read, write, fill)}


async def handle(request: Request) -> Response:
    return await HANDLERS[request.path_params["name"]](request)


def app() -> Starlette:
    # One route for all: with a route each, a router's search for the later ones would count as the session's.
    return Starlette(routes=[Route("/{name}", handle)])


@dataclass(frozen=True)
class Subject:
    name: str
    wrap: Wrap


class _Loaded:
    """starsessions loads a session only when it is told to; its own documentation adds this middleware."""

    def __init__(self, inner: Any, store: Any) -> None:
        self._app = starsessions.SessionMiddleware(
            starsessions.SessionAutoloadMiddleware(inner),
            store=store,
            lifetime=TWO_WEEKS,
            cookie_https_only=False,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


OURS_MEMORY = Subject(
    "sessions, memory", lambda inner: SessionMiddleware(inner, MemoryStore(), expire_after=TWO_WEEKS)
)
OURS_COOKIE = Subject(
    "sessions, encrypted cookie",
    lambda inner: SessionMiddleware(inner, CookieStore(), encryption_key=KEY, expire_after=TWO_WEEKS),
)


class _Forgetful:
    """Each cookie is read and opened anew, as a process does at a browser's first request."""

    def __init__(self, ours: SessionMiddleware) -> None:
        self._app = ours
        key_of = getattr(ours._carrier, "key_of", None)
        self._forget_keys = getattr(key_of, "cache_clear", lambda: None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        forget_opened_seals()
        self._forget_keys()
        self._app._cookie.forget()
        await self._app(scope, receive, send)


OURS_MEMORY_ANEW = Subject(f"{OURS_MEMORY.name}, first seen", lambda app: _Forgetful(OURS_MEMORY.wrap(app)))
OURS_COOKIE_ANEW = Subject(f"{OURS_COOKIE.name}, first seen", lambda app: _Forgetful(OURS_COOKIE.wrap(app)))
STARLETTE = Subject(
    "Starlette, signed cookie", lambda inner: StarletteSessions(inner, secret_key=KEY, max_age=TWO_WEEKS)
)
STARSESSIONS_MEMORY = Subject(
    "starsessions, memory", lambda inner: _Loaded(inner, starsessions.InMemoryStore())
)
STARSESSIONS_COOKIE = Subject(
    "starsessions, signed cookie", lambda inner: _Loaded(inner, starsessions.CookieStore(secret_key=KEY))
)
SUBJECTS = (
    OURS_MEMORY,
    OURS_MEMORY_ANEW,
    OURS_COOKIE,
    OURS_COOKIE_ANEW,
    STARLETTE,
    STARSESSIONS_MEMORY,
    STARSESSIONS_COOKIE,
)
