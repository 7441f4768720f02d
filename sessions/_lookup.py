"""Reaching a session: `get_session(request)`. FastAPI takes it as a dependency."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sessions._excluded import Excluded
from sessions._session import Session


class HasScope(Protocol):
    """A Starlette or FastAPI request or websocket."""

    @property
    def scope(self) -> Any: ...


def get_session(connection: HasScope | Mapping[str, Any], name: str | None = None) -> Session:
    """The session of a request, a websocket or a plain ASGI scope: the one that `request.session` is.

    `name` reaches any other by the `session_cookie_name` of its middleware.

    As a FastAPI dependency, `Depends(get_session)`, it takes no name: a request may not choose its session.

    Raises `LookupError` when there is no such middleware around the handler.
    """
    scope = connection if isinstance(connection, Mapping) else connection.scope
    sessions: dict[str, Session] = scope.get("sessions", {})
    session = scope.get("session") if name is None else sessions.get(name)
    if name is None and not isinstance(session, Session):  # the app has put something else in its place
        session = next(reversed(sessions.values()), None)
    if session is None and isinstance(scope.get("session"), Excluded):
        session = scope["session"]  # which says at a look why there is none
    if session is None:
        named = "" if name is None else f" with the cookie name {name!r}"
        raise LookupError(f"no SessionMiddleware{named} is around this handler")
    session.mark_accessed()
    return session


def as_dependency(function: Callable[..., Any], name: str, *before: str) -> Any:
    """The function, with a signature for FastAPI: of its parameters FastAPI fills only the connection.

    It would take others from the query, and ask the body for the connection itself. `before` are parameters
    that are filled before FastAPI comes to see them.

    Starlette is imported when FastAPI asks, because an app need not have it.
    """

    class Dependency:
        __doc__ = function.__doc__
        __name__ = __qualname__ = name
        __module__ = "sessions"
        __call__ = staticmethod(function)

        @property
        def __signature__(self) -> inspect.Signature:
            try:
                from starlette.requests import HTTPConnection  # noqa: PLC0415
            except ImportError:
                return inspect.signature(function)
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            connection = inspect.Parameter("connection", kind, annotation=HTTPConnection)
            return inspect.Signature([*[inspect.Parameter(each, kind) for each in before], connection])

    return Dependency()


if not TYPE_CHECKING:
    get_session = as_dependency(get_session, "get_session")
