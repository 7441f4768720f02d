"""Starlette's own SessionMiddleware: the session in a signed cookie, readable by whoever holds it."""

from pathlib import Path

from starlette.middleware.sessions import Session, SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from e2e.targets.python.routes import Library, create_site
from reference_server.gates import Gates, Outcomes


class OnStarlette(Library):
    def __init__(self, key: str) -> None:
        self._key = key

    def wrap(self, app: ASGIApp, cookie: str, expire_after: int | None, extend: bool) -> ASGIApp:
        return SessionMiddleware(app, self._key, session_cookie=cookie, max_age=expire_after)

    async def rotate(self, connection: HTTPConnection) -> None:
        """There is no id to rotate. Its users clear the session or leave it."""

    def touch(self, connection: HTTPConnection) -> None:
        session = connection.session
        assert isinstance(session, Session)
        session.mark_modified()


def create_app(store: str, key: str, folder: Path) -> ASGIApp:
    assert store == "cookie"
    return create_site(OnStarlette(key), Gates(folder / "gates"), Outcomes(folder / "gates"))
