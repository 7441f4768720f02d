"""starsessions, loaded on each request by its own SessionAutoloadMiddleware, as its documentation shows."""

import os
from pathlib import Path

from redis.asyncio import Redis
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp
from starsessions import SessionAutoloadMiddleware, SessionMiddleware, regenerate_session_id
from starsessions.stores.base import SessionStore
from starsessions.stores.cookie import CookieStore
from starsessions.stores.memory import InMemoryStore
from starsessions.stores.redis import RedisStore

from e2e.targets.python.routes import Library, create_site
from reference_server.gates import Gates, Outcomes


class OnStarsessions(Library):
    def __init__(self, store: SessionStore) -> None:
        self._store = store

    def wrap(self, app: ASGIApp, cookie: str, expire_after: int | None, extend: bool) -> ASGIApp:
        return SessionMiddleware(
            SessionAutoloadMiddleware(app),
            store=self._store,
            lifetime=expire_after or 0,
            rolling=extend,
            cookie_name=cookie,
            cookie_path="/",
            cookie_https_only=False,  # the default would show nothing over plain http
        )

    async def rotate(self, connection: HTTPConnection) -> None:
        regenerate_session_id(connection)

    def touch(self, connection: HTTPConnection) -> None:
        """Nothing to do: with `rolling` every request extends, without it nothing does."""


def create_app(store: str, key: str, folder: Path) -> ASGIApp:
    opened = {
        "cookie": lambda: CookieStore(key),
        "memory": InMemoryStore,
        "redis": lambda: RedisStore(connection=Redis.from_url(os.environ["TARGET_URL"])),  # type: ignore[no-untyped-call]
    }[store]()
    return create_site(OnStarsessions(opened), Gates(folder / "gates"), Outcomes(folder / "gates"))
