"""asgi-sessions: the session in a cookie, encrypted with its Fernet type."""
# asgi-sessions is installed for the targets alone.
# pyright: reportMissingImports=false

from pathlib import Path
from typing import Any, cast

from asgi_sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from e2e.targets.python.routes import Library, create_site
from reference_server.gates import Gates, Outcomes


class OnAsgiSessions(Library):
    def __init__(self, key: str) -> None:
        self._key = key[:32]  # a key of another length makes no Fernet key

    def wrap(self, app: ASGIApp, cookie: str, expire_after: int | None, extend: bool) -> ASGIApp:
        wrapped = SessionMiddleware(
            cast(Any, app), self._key, session_type="fernet", cookie_name=cookie, max_age=expire_after or 0
        )
        return cast(ASGIApp, wrapped)

    async def rotate(self, connection: HTTPConnection) -> None:
        """There is no id to rotate."""

    def touch(self, connection: HTTPConnection) -> None:
        cast(Any, connection.session).modified = True


def create_app(store: str, key: str, folder: Path) -> ASGIApp:
    assert store == "cookie"
    return create_site(OnAsgiSessions(key), Gates(folder / "gates"), Outcomes(folder / "gates"))
