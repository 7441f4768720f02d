"""The cookie carries the session itself, sealed; the server keeps nothing.

The sealed text is JSON: three times, in whole milliseconds since the epoch, and the content as a record has
it.

    [1767225600000,1768435200000,1767225600000,{"data":{"cart":[7]},"owner":"ada"}]

The first is the session's birth, the second its end, the third when the cookie was made. What a client can
hold, it can also hold on to: rotation and logout change nothing about a copy of the cookie, who sends an old
copy has the old values, and parallel responses overwrite each other.
"""

from __future__ import annotations

import sys
import time
from math import inf
from typing import Final

import msgspec

from sessions._binding import Binding
from sessions._carriers.base import Carried, Loaded, MovedIn, MovingIn, SealedByOlderKey
from sessions._cookie import split_value
from sessions._hidden import Hidden
from sessions._keys import KeyRing, Purpose
from sessions._lifetime import Lifetime
from sessions._record import TIMED, UNREADABLE, InvalidRecord, Record, unpack
from sessions.errors import InvalidCookie
from sessions.iron import InvalidSeal


class SealedCarrier:
    """What all have in common whose cookie is the session."""

    on_server = False
    max_content = sys.maxsize  # the cookies that it makes have a limit

    def __init__(
        self, lifetime: Lifetime, keys: KeyRing, purpose: str, cookie_name: str, max_bytes: int
    ) -> None:
        self.lifetime = lifetime
        self.enough = lifetime.needs_no_extension_at_all
        self.max_sessions: int | None = None
        self.warned_at = -inf
        self.binding: Binding | None = None
        self.max_bytes = max_bytes
        self._cookie_name = cookie_name
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

    def cookie(self, carried: Carried) -> str:
        raise NotImplementedError

    def check(self, carried: Carried) -> None:
        split_value(self._cookie_name, self.cookie(carried), self.max_bytes)

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


class _Sealed(Hidden, msgspec.Struct, array_like=True, gc=False):
    """What a seal holds, as a JSON array."""

    born: int
    ends: int
    made: int
    content: msgspec.Raw
    """Decoded when somebody looks at the session."""


_decode: Final = msgspec.json.Decoder(_Sealed).decode


class ContentCarrier(SealedCarrier):
    """In a format of our own. A seal is good for one cookie name and one realm."""

    def __init__(self, lifetime: Lifetime, keys: KeyRing, purpose: Purpose, max_bytes: int) -> None:
        super().__init__(lifetime, keys, purpose.of("content"), purpose.cookie_name, max_bytes)
        self._longest = None
        if lifetime.idle is not None and lifetime.absolute is None and lifetime.anonymous is None:
            self._longest = lifetime.idle + lifetime.refresh_interval
            """Seconds that a session without timeouts of its own can live after its cookie was made."""

    async def find(self, cookie: str) -> Carried | None:
        try:
            plaintext, by_first_key = self._sealing.opened(cookie)
            sealed = _decode(plaintext)
            created_at, expires_at, made_at = sealed.born / 1000, sealed.ends / 1000, sealed.made / 1000
            line = bytes(sealed.content)
        except InvalidSeal as fault:
            raise InvalidCookie(str(fault)) from None
        except (*UNREADABLE, OverflowError):
            raise InvalidCookie("it holds no session") from None
        if self._longest is None or line.startswith(TIMED):
            expires_at = self._end(self._lifetime(line), created_at, expires_at, made_at)
        elif expires_at > made_at + self._longest:  # as `_end` in one step
            expires_at = made_at + self._longest
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
        return self._sealing.seal(
            b"[%d,%d,%d,%b]"
            % (
                round(record.created_at * 1000),
                round(record.expires_at * 1000),
                round(time.time() * 1000),
                record.payload.partition(b"\n")[0],
            )
        )
