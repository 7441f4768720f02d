"""The interface between a session and where it lives, in the middle of a request's path."""

from __future__ import annotations

from typing import Protocol

import msgspec

from sessions.draft import Draft
from sessions.expiry import Lifetime
from sessions.record import Content, Record


class Carried(msgspec.Struct, frozen=True, gc=False):
    """A session as its carrier found it, or left it behind."""

    record: Record
    id: str | None = None
    key: str = ""
    content: Content | None = None
    """What is in the record, where it is known already. Most requests of a browser never look."""


class Carrier(Protocol):
    """Finds the session that a cookie stands for, and keeps what a request made of it."""

    lifetime: Lifetime
    max_bytes: int
    """Bytes of cookies that a session may take."""
    keeps_late_changes: bool
    """Whether a change can be kept once the response, and so the cookie, has left."""

    def unpack(self, payload: bytes) -> Content:
        """The content of a record that was found or left behind, new with each call."""
        ...

    async def find(self, cookie: str, now: float) -> Carried | None:
        """None for a session that is unknown or over.

        Raises:
            InvalidCookie: the cookie is none of ours.
            SessionEnded: it was rotated a moment ago, so the browser is about to hold a newer cookie.
            StoreUnavailable: the store cannot be asked.
        """
        ...

    async def create(self, draft: Draft) -> Carried: ...

    async def update(self, carried: Carried, draft: Draft) -> Carried:
        """Keep the draft, replayed on a fresher state if there is one. Raises `SessionEnded`."""
        ...

    async def rotate(self, carried: Carried, draft: Draft) -> Carried:
        """The same under a new id. Raises `SessionEnded`."""
        ...

    async def destroy(self, carried: Carried) -> None: ...

    def cookie(self, carried: Carried) -> str:
        """What the browser is to send from now on."""
        ...

    async def purge(self) -> int:
        """Remove what has expired; the number of sessions removed."""
        ...

    async def close(self) -> None: ...
