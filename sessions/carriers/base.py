"""The interface between a session and where it lives, in the middle of a request's path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from sessions.draft import Draft
from sessions.expiry import Lifetime
from sessions.record import Content


class Carried(msgspec.Struct):
    """A session as its carrier found it, or left it behind.

    `unpack` is called only when somebody looks: most requests of a browser never do.
    """

    created_at: float
    expires_at: float | None
    unpack: Callable[[Any], Content]
    packed: Any
    unpacked: Content | None = None
    id: str | None = None
    key: str = ""
    version: int = 0

    @property
    def content(self) -> Content:
        if self.unpacked is None:
            self.unpacked = self.unpack(self.packed)
        return self.unpacked

    def fresh(self) -> Content:
        """The content once more, without what a handler has done to `content` since."""
        return self.unpack(self.packed)


class Carrier(Protocol):
    """Finds the session that a cookie stands for, and keeps what a request made of it."""

    lifetime: Lifetime
    max_bytes: int
    """Bytes of cookies that a session may take."""
    keeps_late_changes: bool
    """Whether a change can be kept once the response, and so the cookie, has left."""

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

    def cookie(self, carried: Carried, now: float) -> str:
        """What the browser is to send from now on."""
        ...

    async def purge(self) -> int:
        """Remove what has expired; the number of sessions removed."""
        ...

    async def close(self) -> None: ...
