"""What it takes to read the sessions of another library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

import msgspec

from sessions._cookie import Cookie, CookieOptions
from sessions._cookie_header import MAX_COOKIE
from sessions._hidden import Hidden
from sessions.errors import StoreUnavailable

T = TypeVar("T")

Owner = Callable[[dict[str, Any]], str | int | None]
Convert = Callable[[str, Any], Any]

TWO_WEEKS: Final = 14 * 24 * 60 * 60
"""Seconds: how long Starlette, Django and asgi-sessions let a session live if nobody says otherwise."""


class Refused(ValueError):
    """A cookie that is not adopted. The text says why, and holds nothing of the cookie: it is logged."""


class OldSession(Hidden, msgspec.Struct, eq=False):
    """A session of another library."""

    data: dict[Any, Any]
    """Its values, as the other library's app had them."""
    ends_at: float
    """When that library would open it no more, in seconds since the epoch; infinity for never."""


class Records(Protocol):
    """Where another library keeps sessions. A client of `redis.asyncio` is one."""

    def get(self, name: Any, /) -> Any:
        """Awaited: bytes or text, or None."""

    def delete(self, name: Any, /) -> Any:
        """Awaited. Removes it if it is there."""


class OldCookie(ABC):
    """A cookie of another library, for `SessionMiddleware(adopt=[…])`. Each subclass reads one format.

    Args:
        cookie_name: the other library's cookie.
        path: as it was in the other library. This and the next two say where the browser has the cookie, so
            that it can be removed.
        domain: likewise.
        partitioned: likewise.
        owner: a function of the values that returns whom the session belongs to, or None if nobody is
            signed in. It may raise `Refused`, for example for an account that is closed. Without it the
            session has no owner until the next login.
        convert: a function that is asked for each value that JSON cannot hold, `convert(key, value)`. It
            returns what the session gets instead. `TypeError` or `ValueError` leaves the value out. Without
            it a value gets its plain JSON form: a date in ISO 8601, a UUID as text, bytes in base64, a tuple
            or a set as a list.

    Raises `ValueError` for a name or a place that browsers reject.
    """

    def __init__(
        self,
        cookie_name: str,
        *,
        path: str = "/",
        domain: str | None = None,
        partitioned: bool = False,
        owner: Owner | None = None,
        convert: Convert | None = None,
    ) -> None:
        options = CookieOptions(
            path=path, domain=domain, partitioned=partitioned, secure=True if partitioned else None
        )
        self.cookie = Cookie(cookie_name, options)
        self.owner = owner
        self.convert = convert

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.cookie.name!r}>"

    @abstractmethod
    def identify(self, value: str) -> str:
        """The old id: what names the session in the other library, and nobody can guess.

        For one session it is the same however the cookie is spelled. Where the cookie is the session, it is
        the cookie with its signature. Raises `Refused` for what is none of this library's.
        """

    @abstractmethod
    async def read(self, old_id: str) -> OldSession | None:
        """The session; None if there is none any more. Raises `Refused` and `StoreUnavailable`."""

    async def remove(self, old_id: str) -> None:  # noqa: B027 (a cookie is all there is, as a rule)
        """Remove the session where the other library keeps it. Raises `StoreUnavailable`."""


def of_usual_size(value: str) -> str:
    """The value, if a browser can have kept it as one cookie. Raises `Refused`."""
    if len(value) > MAX_COOKIE:
        raise Refused("it is larger than any cookie")
    return value


def values_in(content: object) -> dict[Any, Any]:
    """Raises `Refused` for a content that is no mapping."""
    if not isinstance(content, Mapping):
        raise Refused("it holds no session")
    return dict(content)


async def answer_of(question: Awaitable[T]) -> T:
    """What the other library's store answers. Raises `StoreUnavailable`."""
    try:
        return await question
    except Exception as fault:
        # Without the cause: a client's own error may quote values, and its frames hold passwords.
        raise StoreUnavailable(f"the old sessions are out of reach: {type(fault).__name__}") from None
