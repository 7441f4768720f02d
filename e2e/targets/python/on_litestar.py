"""Litestar's sessions, on the server in memory or in an encrypted cookie, around the app of each profile."""
# Litestar is installed for the targets alone.
# pyright: reportMissingImports=false

import hashlib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

from litestar import Litestar, asgi
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.stores.memory import MemoryStore
from litestar.types import Empty
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from e2e.targets.python.routes import PROFILES, Deliberate, Library, Peer, outside, refuse
from reference_server.gates import Gates, Outcomes

ASKED = "e2e.path"
"""In the scope: the path that was asked for."""
FORTNIGHT = 14 * 24 * 60 * 60
"""Seconds: Litestar's own default, for the profile without a timeout."""


class OnLitestar(Library):
    has_two_sessions = False

    def wrap(self, app: ASGIApp, cookie: str, expire_after: int | None, extend: bool) -> ASGIApp:
        raise NotImplementedError("the session is one of the app's middlewares")

    async def session(self, connection: HTTPConnection) -> MutableMapping[str, Any]:
        if connection.scope["session"] is Empty:
            connection.scope["session"] = {}
        return connection.session

    async def rotate(self, connection: HTTPConnection) -> None:
        """There is no method for it: its users have the id that they had before the login."""

    async def destroy(self, connection: HTTPConnection) -> None:
        connection.scope["session"] = Empty  # what `request.clear_session()` does

    def touch(self, connection: HTTPConnection) -> None:
        """Nothing to do: each response saves the session."""


def create_app(store: str, key: str, folder: Path) -> ASGIApp:
    gates, outcomes = Gates(folder / "gates"), Outcomes(folder / "gates")
    mounts = [Mount(prefix, profile_app(prefix, store, key, gates, outcomes)) for prefix in PROFILES]
    return Starlette(routes=[*outside(gates, outcomes), *mounts])


def profile_app(prefix: str, store: str, key: str, gates: Gates, outcomes: Outcomes) -> ASGIApp:
    cookie, expire_after, extend = PROFILES[prefix]
    config: Any
    if store == "memory":
        config = ServerSideSessionConfig(
            key=cookie, max_age=expire_after or FORTNIGHT, renew_on_access=extend, samesite="lax"
        )
    else:
        secret = hashlib.sha256(key.encode()).digest()
        config = CookieBackendConfig(
            secret=secret, key=cookie, max_age=expire_after or FORTNIGHT, samesite="lax"
        )
    pages = Starlette(
        routes=Peer(OnLitestar(), prefix, gates, outcomes).routes(),
        exception_handlers={HTTPException: refuse},
    )

    @asgi("/", is_mount=True, copy_scope=False)
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        # A mount gets what is left of the path, and Starlette calls itself the scope's app.
        inner = {**scope, "path": scope[ASKED], "root_path": ""}

        async def send_with_session(message: Message) -> None:
            scope["session"] = inner["session"]
            await send(message)

        try:
            await pages(inner, receive, send_with_session)
        except Deliberate:
            pass  # answered with 500 already

    made = Litestar(
        route_handlers=[page],
        middleware=[config.middleware],
        stores={"sessions": MemoryStore()},
        openapi_config=None,
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(prefix)
        given = {**scope, "path": path, ASKED: path, "root_path": ""}
        await made(cast(Any, given), cast(Any, receive), cast(Any, send))

    return app
