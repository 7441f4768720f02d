"""The interface between a session and where it lives, in the middle of a request's path."""

from __future__ import annotations

from typing import Protocol

import msgspec

from sessions.expiry import Lifetime
from sessions.record import Record


class Carried(msgspec.Struct, frozen=True, gc=False):
    """A session as its carrier found it, or left it behind."""

    record: Record
    id: str | None = None
    key: str = ""


class Carrier(Protocol):
    """Finds the session that a cookie stands for, and keeps what a request made of it."""

    lifetime: Lifetime
    max_bytes: int
    """Bytes of cookies that a session may take."""
    keeps_late_changes: bool
    """Whether a change can be kept once the response, and so the cookie, has left."""

    async def find(self, cookie: str) -> Carried | None:
        """None for a session that is unknown or over.

        Raises:
            InvalidCookie: the cookie is none of ours.
            SessionEnded: it was rotated a moment ago, so the browser is about to hold a newer cookie.
            StoreUnavailable: the store cannot be asked.
        """
        ...

    async def find_again(self, carried: Carried) -> Carried:
        """What a faster request left behind. Raises `SessionEnded` when that is nothing."""
        ...

    async def create(self, record: Record) -> Carried: ...

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        """Keep the record in place of the version that is expected; False if another request was faster."""
        ...

    async def rotate(self, carried: Carried, record: Record) -> Carried | None:
        """Keep the record under a new id; None if another request was faster."""
        ...

    async def destroy(self, carried: Carried) -> None: ...

    def cookie(self, carried: Carried) -> str:
        """What the browser is to send from now on."""
        ...

    async def purge(self) -> int:
        """Remove what has expired; the number of sessions removed."""
        ...

    async def close(self) -> None: ...
