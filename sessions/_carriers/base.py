"""The interface between a session and where it lives, in the middle of a request's path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from sessions._binding import Binding
from sessions._hidden import Hidden
from sessions._lifetime import Lifetime
from sessions._record import Content, Record, rewritten, split, with_stamp
from sessions.errors import InvalidCookie


class Carried(Hidden, msgspec.Struct, frozen=True, gc=False):
    """A session as its carrier found it, or left it behind."""

    record: Record
    id: str | None = None
    key: str = ""

    @property
    def line(self) -> bytes:
        """The content's JSON text."""
        return split(self.record.payload)[0]

    @property
    def trail(self) -> bytes:
        """The last commits, the former key and the stamp."""
        return split(self.record.payload)[1]

    def rewritten(self, line: bytes, commit_id: bytes, owner: str | None) -> Carried:
        """Its next version, made by this commit, with the same expiry."""
        old = self.record
        payload = rewritten(old.payload, line, commit_id)
        new = Record(payload, old.created_at, old.expires_at, old.version + 1, owner)
        return Carried(new, self.id, self.key)

    def renewed(self, created_at: float, expires_at: float, stamp: bytes) -> Carried:
        """The same with another expiry, and the stamp that says how it was computed (`_stamp.py`)."""
        payload = with_stamp(self.record.payload, stamp) if stamp else self.record.payload
        new = msgspec.structs.replace(
            self.record, payload=payload, created_at=created_at, expires_at=expires_at
        )
        return Carried(new, self.id, self.key)


class SealedByOlderKey(Exception):
    """A session was found, and its cookie has a seal of an older key: the browser is to get a new one.

    Raised and not returned, so that the usual request does not ask whether it is so.
    """

    def __init__(self, carried: Carried) -> None:
        super().__init__("the cookie has a seal of an older key")
        self.carried = carried


Loaded = tuple[Carried, Content]
"""A session with its content, unpacked for whoever asked."""


class MovingIn(Hidden, msgspec.Struct, eq=False):
    """A session of another library that this request begins as one of ours (MOVE-1)."""

    carried: Carried
    """What is to be written; nobody has the session's id yet."""
    old_id: str
    """What names it in the other library. It is a secret: whoever sends it has that session."""
    ends_at: float
    """When the other library would open it no more, in seconds since the epoch."""
    seed: bytes
    """Makes the new id out of the old one. A retry draws no other, as the record may be there by now."""
    remove: Callable[[], Awaitable[None]]
    """Removes it where the other library keeps it."""


class MovedIn(Hidden, msgspec.Struct, frozen=True):
    """What has become of another library's session that has moved in before."""

    carried: Carried | None
    """None if it has ended since. A tombstone if it has got a new id."""
    began: bool = False
    """Whether it has moved in just now."""


class Carrier(Protocol):
    """Finds the session that a cookie stands for, and keeps what a request made of it."""

    lifetime: Lifetime
    enough: float
    """A session with more seconds left than this needs no extension (`Lifetime.needs_no_extension`)."""
    max_bytes: int
    """Bytes of cookies that a session may take."""
    max_content: int
    """Bytes of JSON that a session's content may take, where a store keeps it."""
    max_sessions: int | None
    """How many sessions an owner may have; None for any number."""
    warned_at: float
    """When it was logged last that something waits for the store, by the monotonic clock."""
    binding: Binding | None
    """How sessions are bound to devices; None if they are not."""
    on_server: bool
    """Whether the server keeps the session. Else the cookie is the session: a change after the response
    cannot be kept, and what a browser holds cannot be ended."""

    async def find(self, cookie: str) -> Carried | None:
        """None for a session that is unknown or over. Its content may be a tombstone's.

        Raises:
            InvalidCookie: the cookie is none of ours.
            SealedByOlderKey: the session is found, and the browser is to get a new cookie.
            StoreUnavailable: the store cannot be asked.
        """
        ...

    async def find_again(self, carried: Carried) -> Loaded | None:
        """What other requests left behind; None when they ended it, or it has expired."""
        ...

    async def under(self, key: str) -> Loaded | None:
        """The session under this key, without its id; None if there is none. Raises `StoreUnavailable`."""
        ...

    async def follow(self, tombstone: Loaded) -> tuple[Loaded, set[str]] | None:
        """Where the session is now, and which keys the rotations on the way wrote; None if it was ended."""
        ...

    async def create(self, record: Record, seed: bytes) -> Carried:
        """Begin a session, under the id that the seed makes. Twice with the same seed is once."""
        ...

    async def moved_in(self, old_id: str) -> MovedIn | None:
        """What has become of another library's session; None if it has not moved in, or nobody knows."""
        ...

    async def move_in(self, moving: MovingIn) -> MovedIn:
        """Begin the session, unless another request has done so before: then it is that one.

        If another request was faster, the version of the record is 0, as it may hold more by now.
        """
        ...

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        """Keep the record in place of the version that is expected; False if another request was faster."""
        ...

    async def rotate(
        self, carried: Carried, changed: Carried, commit_id: bytes, written: list[str], seed: bytes
    ) -> Carried | None:
        """Keep the next version, made by this commit, under a new id; None if another request was faster.

        `written` are the keys that the rotating request changed (`Moved.written`). After None the seed is
        used up: no key of a store is used twice.
        """
        ...

    async def end(self, carried: Carried) -> None:
        """End the session, under whatever id it lives by now. Raises `WriteConflict` if it cannot be sure."""
        ...

    async def end_oldest(self, owner: str) -> None:
        """End what the owner has more than `max_sessions`. Raises `WriteConflict` if it cannot be sure."""
        ...

    def cookie(self, carried: Carried) -> str:
        """What the browser is to send from now on."""
        ...

    def check(self, carried: Carried) -> None:
        """Raises `CookieTooLarge` for a session that the browser would not keep."""
        ...

    def must_tell(self, known: Carried, carried: Carried, *, ends: bool) -> bool:
        """Whether the browser must be sent a cookie, if `known` is what it knows.

        `ends`: whether it is told when the session ends.
        """
        ...

    async def purge(self) -> int:
        """Remove what has expired; the number of sessions removed."""
        ...

    async def close(self) -> None: ...


async def opened_by(carrier: Carrier, cookie: str) -> Carried | None:
    """What the cookie opens, whichever key sealed it; None also if it is none of ours.

    Raises `StoreUnavailable`.
    """
    try:
        return await carrier.find(cookie)
    except InvalidCookie:
        return None
    except SealedByOlderKey as found:
        return found.carried
