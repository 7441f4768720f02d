"""aiohttp-session: an encrypted cookie, or Redis."""
# aiohttp is installed for the targets alone.
# pyright: reportMissingImports=false

import asyncio
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any, cast

import aiohttp_session
from aiohttp import web
from aiohttp_session.cookie_storage import EncryptedCookieStorage
from aiohttp_session.redis_storage import RedisStorage
from redis.asyncio import Redis
from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp

from e2e.targets.python.asked import (
    Asked,
    Behind,
    as_request,
    handlers_of,
    handlers_outside,
    headers_of,
    profile_of,
)
from e2e.targets.python.routes import PROFILES, Handler, Library
from reference_server.gates import Gates, Outcomes

View = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WORK: set[asyncio.Task[None]] = set()
"""What goes on after its response; the event loop itself would forget it."""


class Held:
    """The request's session, which `new_session` replaces."""

    def __init__(self, request: web.Request, session: aiohttp_session.Session) -> None:
        self.request, self.session = request, session


class Values(Behind):
    def __init__(self, held: Held) -> None:
        super().__init__(lambda: cast(MutableMapping[str, Any], held.session), frozenset())
        self.held = held


class OnAiohttp(Library):
    has_two_sessions = False

    def wrap(self, app: ASGIApp, cookie: str, expire_after: int | None, extend: bool) -> ASGIApp:
        raise NotImplementedError("the session is one of the app's middlewares")

    async def rotate(self, connection: HTTPConnection) -> None:
        """`new_session` at the login, as the documentation has it against session fixation."""
        held = cast(Values, connection.session).held
        values = dict(held.session)
        held.session = await aiohttp_session.new_session(held.request)
        held.session.update(values)

    async def destroy(self, connection: HTTPConnection) -> None:
        cast(Values, connection.session).held.session.invalidate()

    def touch(self, connection: HTTPConnection) -> None:
        cast(Values, connection.session).held.session.changed()


def create_app(store: str, key: str, folder: Path) -> web.Application:
    gates, outcomes = Gates(folder / "gates"), Outcomes(folder / "gates")
    redis = Redis.from_url(os.environ["TARGET_URL"]) if store == "redis" else None
    site = web.Application(middlewares=[by_profile(redis, key)])
    for prefix in PROFILES:
        add(site, handlers_of(OnAiohttp(), prefix, gates, outcomes), with_session=True)
    add(site, handlers_outside(gates, outcomes), with_session=False)
    return site


def by_profile(redis: Any, key: str) -> Any:
    """One app serves all profiles here, each with the library's middleware for it."""
    middlewares = {
        prefix: aiohttp_session.session_middleware(storage_of(prefix, redis, key)) for prefix in PROFILES
    }

    @web.middleware  # type: ignore[untyped-decorator,unused-ignore]
    async def middleware(request: web.Request, handler: Any) -> web.StreamResponse:
        answer: web.StreamResponse = await middlewares[profile_of(request.path)](request, handler)
        return answer

    return middleware


def storage_of(prefix: str, redis: Any, key: str) -> aiohttp_session.AbstractStorage:
    cookie, expire_after, _ = PROFILES[prefix]
    options: dict[str, Any] = {"cookie_name": cookie, "max_age": expire_after, "samesite": "Lax"}
    if redis:
        return RedisStorage(redis, **options)
    return EncryptedCookieStorage(hashlib.sha256(key.encode()).digest(), **options)


def add(app: web.Application, places: Mapping[str, Mapping[str, Handler]], *, with_session: bool) -> None:
    for path, handlers in places.items():
        for method in handlers.keys() - {"HEAD"}:
            app.router.add_route(method, path, view_of(handlers[method], with_session=with_session))


def view_of(handler: Handler, *, with_session: bool) -> View:
    async def view(request: web.Request) -> web.StreamResponse:
        values: MutableMapping[str, Any] = {}
        # A page that never looks at the session does not ask for it either.
        if with_session and not request.path.endswith("/lab/untouched"):
            values = Values(Held(request, await aiohttp_session.get_session(request)))
        posted = {name: str(value) for name, value in (await request.post()).items()}
        asked = Asked(values, request.method, request.query, dict(request.match_info), posted)
        response = await handler(as_request(asked))
        if isinstance(response, StreamingResponse):
            return await stream(request, response)
        if work := response.background:
            task = asyncio.ensure_future(cast(Any, work()))
            _WORK.add(task)
            task.add_done_callback(_WORK.discard)
        return web.Response(body=response.body, status=response.status_code, headers=headers_of(response))

    return view


async def stream(request: web.Request, response: StreamingResponse) -> web.StreamResponse:
    made = web.StreamResponse(status=response.status_code, headers=headers_of(response))
    await made.prepare(request)
    async for chunk in response.body_iterator:
        await made.write(chunk.encode() if isinstance(chunk, str) else bytes(chunk))
    await made.write_eof()
    return made


def serve(app: web.Application) -> None:
    asyncio.run(_serve(app))


async def _serve(app: web.Application) -> None:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # of the handlers that fail on purpose
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    await asyncio.Event().wait()
