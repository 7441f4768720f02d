"""The cookie carries the session itself, sealed; the server keeps nothing.

The sealed text is three times, in whole milliseconds since the epoch, and the content as a record has it:

    1767225600000 1768435200000 1767225600000
    {"data":{"cart":[7]},"owner":"ada"}

The first is the session's birth, the second its end, the third when the cookie was made. What a client can
hold, it can also hold on to: rotation and logout change nothing about a copy of the cookie, who sends an old
copy has the old values, and parallel responses overwrite each other.
"""

from __future__ import annotations

import sys
import time

from sessions._binding import Binding
from sessions._carriers.base import Carried, Loaded, MovedIn, MovingIn, SealedByOlderKey
from sessions._keys import KeyRing, Purpose
from sessions._lifetime import Lifetime
from sessions._record import TIMED, InvalidRecord, Record, split, unpack
from sessions.errors import InvalidCookie
from sessions.iron import InvalidSeal


class SealedCarrier:
    """What all have in common whose cookie is the session."""

    on_server = False
    max_content = sys.maxsize  # the cookies that it makes have a limit

    def __init__(self, lifetime: Lifetime, keys: KeyRing, purpose: str, max_bytes: int) -> None:
        self.lifetime = lifetime
        self.enough = lifetime.needs_no_extension_at_all
        self.max_sessions: int | None = None
        self.binding: Binding | None = None
        self.max_bytes = max_bytes
        self._sealing = keys.sealing(purpose)

    async def find_again(self, carried: Carried) -> Loaded | None:
        if carried.record.expires_at <= time.time():
            return None
        return carried, unpack(carried.line)

    async def under(self, key: str) -> Loaded | None:
        return None  # there are no keys

    async def follow(self, tombstone: Loaded) -> tuple[Loaded, set[str]]:
        return tombstone, set()

    async def create(self, record: Record, seed: bytes) -> Carried:
        return Carried(record)

    async def moved_in(self, old_id: str) -> MovedIn | None:
        return None

    async def move_in(self, moving: MovingIn) -> MovedIn:
        return MovedIn(Carried(moving.carried.record), began=True)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        return True

    async def rotate(
        self, carried: Carried, changed: Carried, commit_id: bytes, written: list[str], seed: bytes
    ) -> Carried:
        return changed

    async def end(self, carried: Carried) -> None:
        pass

    async def end_oldest(self, owner: str) -> None:
        pass

    def must_tell(self, known: Carried, carried: Carried, *, ends: bool) -> bool:
        return carried is not known  # also one that was begun after the known one was ended

    def _end(self, lifetime: Lifetime, created_at: float, expires_at: float, made_at: float) -> float:
        """When the session ends by the timeouts of today: those it was made with may have been longer."""
        if lifetime.idle is not None:
            expires_at = min(expires_at, made_at + lifetime.idle + lifetime.refresh_interval)
        return lifetime.capped(created_at, expires_at)

    async def purge(self) -> int:
        return 0

    async def close(self) -> None:
        pass


class ContentCarrier(SealedCarrier):
    """In a format of our own. A seal is good for one cookie name and one realm."""

    def __init__(self, lifetime: Lifetime, keys: KeyRing, purpose: Purpose, max_bytes: int) -> None:
        super().__init__(lifetime, keys, purpose.of("content"), max_bytes)

    async def find(self, cookie: str) -> Carried | None:
        try:
            plaintext, by_first_key = self._sealing.opened(cookie)
            times, _, line = plaintext.partition(b"\n")
            born, ends, made = times.split(b" ")
            created_at, expires_at, made_at = int(born) / 1000, int(ends) / 1000, int(made) / 1000
        except InvalidSeal as fault:
            raise InvalidCookie(str(fault)) from None
        except (ValueError, OverflowError):
            raise InvalidCookie("it holds no session") from None
        expires_at = self._end(self._lifetime(line), created_at, expires_at, made_at)
        if expires_at <= time.time():
            return None
        carried = Carried(Record(line, created_at, expires_at))
        if not by_first_key:
            raise SealedByOlderKey(carried)
        return carried

    def _lifetime(self, line: bytes) -> Lifetime:
        """The rules for the session with this content. Raises `InvalidCookie`."""
        if self.lifetime.anonymous is None and not line.startswith(TIMED):
            return self.lifetime
        try:
            content = unpack(line)
        except InvalidRecord:
            raise InvalidCookie("it holds no session") from None
        return self.lifetime.of_session(content.owner, content.timeouts)

    def cookie(self, carried: Carried) -> str:
        record = carried.record
        moments = (record.created_at, record.expires_at, time.time())
        times = b"%d %d %d\n" % tuple([round(moment * 1000) for moment in moments])
        return self._sealing.seal(times + split(record.payload)[0])
