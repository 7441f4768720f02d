"""Reaching a session by its cookie's name, where an app has more than one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sessions.session import Session


class HasScope(Protocol):
    """A Starlette or FastAPI request or websocket."""

    @property
    def scope(self) -> Any: ...


def get_session(connection: HasScope | Mapping[str, Any], name: str = "session") -> Session:
    """The session that the middleware with `session_cookie_name=name` gave this request.

    `connection` is a request, a websocket or a plain ASGI scope. Raises `LookupError` when no such
    middleware is installed around the handler.
    """
    scope = connection if isinstance(connection, Mapping) else connection.scope
    try:
        session: Session = scope["sessions"][name]
    except KeyError:
        raise LookupError(
            f"no SessionMiddleware with the cookie name {name!r} is around this handler"
        ) from None
    session.mark_accessed()
    return session
