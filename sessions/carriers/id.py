"""The cookie carries an id; the session lives in a store on the server.

The store never learns an id, only its hash: whoever steals the database opens no session with it.
"""

from __future__ import annotations

import secrets
import time
from functools import lru_cache
from hashlib import blake2s
from typing import TYPE_CHECKING, Final

import msgspec

from sessions.carriers.base import Carried
from sessions.cookies import MAX_COOKIE, REMEMBERED
from sessions.errors import InvalidCookie, SessionEnded
from sessions.expiry import Lifetime
from sessions.iron import InvalidSeal
from sessions.jsonvalues import decode, encode
from sessions.keys import KeyRing
from sessions.record import Record

if TYPE_CHECKING:
    from sessions.stores.base import Store

ID_BYTES: Final = 32
"""256 bits from the operating system; OWASP ASVS 5, 7.2.3, asks for at least 128."""
ID_LENGTH: Final = 43
"""Characters of 32 bytes in base64url."""

TOMBSTONE_SECONDS: Final = 60.0
"""How long a rotated id is remembered. A browser may have sent requests with the old id just before it
learned of the new one; until they have all arrived, none of them may set a cookie."""


def new_id() -> str:
    return secrets.token_urlsafe(ID_BYTES)


@lru_cache(maxsize=REMEMBERED)
def key_of(session_id: str) -> str:
    """Under which key a store keeps the session: BLAKE2s (RFC 7693) of the id as 64 hexadecimal digits.

    A plain hash will do, as there is nothing to guess about 256 random bits. Python brings this one
    itself; to set up one of OpenSSL's takes longer than to hash an id, and each request needs it.
    """
    return blake2s(session_id.encode()).hexdigest()


class IdCarrier:
    max_bytes = MAX_COOKIE

    def __init__(self, store: Store, lifetime: Lifetime, keys: KeyRing | None) -> None:
        self.keeps_late_changes = True
        self.lifetime = lifetime.with_retention()
        self._store = store
        self.replace = store.replace
        self._keys = keys

    async def find(self, cookie: str) -> Carried | None:
        session_id = cookie if self._keys is None else self._unsealed(cookie, self._keys)
        # What no id can be is not worth asking a store, which then need not care what it is asked.
        if len(session_id) != ID_LENGTH:
            raise InvalidCookie("it is no session id")
        key = key_of(session_id)
        record = await self._store.load(key)
        if record is None:
            return None
        if not record.payload:  # a tombstone, asked without a call, as each request comes by here
            raise SessionEnded("the session has a newer id")
        if self.lifetime.absolute is not None and (record := self._living(record)) is None:
            return None
        return Carried(record, session_id, key)

    async def find_again(self, carried: Carried) -> Carried:
        record = await self._store.load(carried.key)
        living = None if record is None or record.is_tombstone else self._living(record)
        if living is None:
            raise SessionEnded("the session was ended by another request")
        return Carried(living, carried.id, carried.key)

    async def create(self, record: Record) -> Carried:
        session_id = new_id()
        key = key_of(session_id)
        if not await self._store.create(key, record):
            raise RuntimeError("a new session id is already taken: the system's random numbers repeat")
        return Carried(record, session_id, key)

    async def rotate(self, carried: Carried, record: Record) -> Carried | None:
        # First the new record, then a tombstone in place of the old one, if nobody wrote to that in
        # between: a crash or a faster writer leaves a record that nobody knows the id of, never a loss.
        old = carried.record
        new = await self.create(msgspec.structs.replace(record, version=1))
        tombstone = Record(b"", old.created_at, time.time() + TOMBSTONE_SECONDS, old.version + 1)
        if await self.replace(carried.key, tombstone, expected=old.version):
            return new
        await self.destroy(new)
        return None

    async def destroy(self, carried: Carried) -> None:
        await self._store.delete(carried.key)

    def cookie(self, carried: Carried) -> str:
        if carried.id is None:
            raise TypeError("a session without an id came from another carrier")
        return self._keys.sealer.seal(encode(carried.id)) if self._keys else carried.id

    async def purge(self) -> int:
        return await self._store.purge()

    async def close(self) -> None:
        await self._store.close()

    def _unsealed(self, cookie: str, keys: KeyRing) -> str:
        try:
            return str(decode(keys.unseal(cookie)))
        except InvalidSeal as fault:
            raise InvalidCookie(str(fault)) from None
        except msgspec.DecodeError:
            raise InvalidCookie("it holds no session id") from None

    def _living(self, record: Record) -> Record | None:
        """The record, unless an absolute timeout that was set or shortened since has ended it.

        Any other end the store knows itself.
        """
        expires_at = self.lifetime.capped(record.created_at, record.expires_at)
        return None if expires_at <= time.time() else msgspec.structs.replace(record, expires_at=expires_at)
