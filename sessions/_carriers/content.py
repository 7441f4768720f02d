"""The cookie carries the session itself, sealed; the server keeps nothing.

The sealed text is two times, in whole milliseconds since the epoch, and the content as a record has it:

    1767225600000 1768435200000
    {"data":{"cart":[7]},"owner":"ada"}

The first is the session's birth, the second its end. What a client can hold, it can also hold on to:
rotation and logout change nothing about a copy of the cookie, who sends an old copy has the old values,
and parallel responses overwrite each other.
"""

from __future__ import annotations

import time

from sessions._carriers.base import Carried, Loaded
from sessions._keys import KeyRing, Purpose
from sessions._lifetime import Lifetime
from sessions._record import Record, split, unpack
from sessions.errors import InvalidCookie
from sessions.iron import InvalidSeal


class SealedCarrier:
    """What all have in common whose cookie is the session."""

    on_server = False

    def __init__(self, lifetime: Lifetime, keys: KeyRing, purpose: str, max_bytes: int) -> None:
        self.lifetime = lifetime
        self.enough = lifetime.needs_no_extension
        self.max_bytes = max_bytes
        self._sealing = keys.sealing(purpose)

    async def find_again(self, carried: Carried) -> Loaded | None:
        if carried.record.expires_at <= time.time():
            return None
        return carried, unpack(carried.line)

    async def follow(self, tombstone: Loaded) -> tuple[Loaded, set[str]]:
        return tombstone, set()

    async def create(self, record: Record, seed: bytes) -> Carried:
        return Carried(record)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        return True

    async def rotate(
        self, carried: Carried, changed: Carried, commit_id: bytes, written: list[str], seed: bytes
    ) -> Carried:
        return changed

    async def end(self, carried: Carried) -> None:
        pass

    def must_tell(self, known: Carried, carried: Carried) -> bool:
        return carried is not known  # also one that was begun after the known one was ended

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
            times, _, line = self._sealing.unseal(cookie).partition(b"\n")
            born, _, ends = times.partition(b" ")
            created_at, expires_at = int(born) / 1000, int(ends) / 1000
        except InvalidSeal as fault:
            raise InvalidCookie(str(fault)) from None
        except (ValueError, OverflowError):
            raise InvalidCookie("it holds no session") from None
        expires_at = self.lifetime.capped(created_at, expires_at)
        if expires_at <= time.time():
            return None
        return Carried(Record(line, created_at, expires_at))

    def cookie(self, carried: Carried) -> str:
        record = carried.record
        times = b"%d %d\n" % (round(record.created_at * 1000), round(record.expires_at * 1000))
        return self._sealing.seal(times + split(record.payload)[0])
