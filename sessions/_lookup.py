"""Reaching a session: `get_session(request)`, also as a FastAPI dependency."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sessions._session import Session


class HasScope(Protocol):
    """A Starlette or FastAPI request or websocket."""

    @property
    def scope(self) -> Any: ...


def _get_session(connection: HasScope | Mapping[str, Any], name: str = "session") -> Session:
    """The session that the middleware with `session_cookie_name=name` gave this request.

    `connection` is a request, a websocket or a plain ASGI scope. `Depends(get_session)` is a FastAPI
    dependency; there the name is always "session", as no request may choose it.

    Raises `LookupError` when no such middleware is installed around the handler.
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


if TYPE_CHECKING:
    get_session = _get_session
else:

    class _Dependency:
        """The function, with the signature that FastAPI needs to see: it would take `name` from the query.

        Starlette is imported when that is asked for, as an app need not have it.
        """

        __doc__ = _get_session.__doc__
        __name__ = __qualname__ = "get_session"
        __module__ = "sessions"
        __call__ = staticmethod(_get_session)

        @property
        def __signature__(self) -> inspect.Signature:
            try:
                from starlette.requests import HTTPConnection  # noqa: PLC0415
            except ImportError:
                return inspect.signature(_get_session)
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            return inspect.Signature([inspect.Parameter("connection", kind, annotation=HTTPConnection)])

    get_session = _Dependency()
