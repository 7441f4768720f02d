"""The cookie carries an id; the session lives in a store on the server.

The store never learns an id, only its hash: whoever steals the database opens no session with it.
"""

from __future__ import annotations

import secrets
from hashlib import blake2s
from math import inf
from random import random
from typing import TYPE_CHECKING, Final

import anyio
import msgspec

from sessions.carriers.base import Carried
from sessions.cookies import MAX_COOKIE
from sessions.draft import Draft
from sessions.errors import InvalidCookie, SessionEnded, WriteConflict
from sessions.expiry import Lifetime
from sessions.iron import InvalidSeal
from sessions.jsonvalues import decode, encode
from sessions.keys import KeyRing
from sessions.record import Content, Record, unpack

if TYPE_CHECKING:
    from sessions.stores.base import Store

ID_BYTES: Final = 32
"""256 bits from the operating system; OWASP ASVS 5, 7.2.3, asks for at least 128."""
ID_LENGTH: Final = 43
"""Characters of 32 bytes in base64url."""

TOMBSTONE_SECONDS: Final = 60.0
"""How long a rotated id is remembered. A browser may have sent requests with the old id just before it
learned of the new one; until they have all arrived, none of them may set a cookie."""

MAX_TRIES: Final = 64


def new_id() -> str:
    return secrets.token_urlsafe(ID_BYTES)


def key_of(session_id: str) -> str:
    """Under which key a store keeps the session: BLAKE2s (RFC 7693) of the id as 64 hexadecimal digits.

    A plain hash will do, as there is nothing to guess about 256 random bits. Python brings this one
    itself; to set up one of OpenSSL's takes longer than to hash an id, and each request needs it.
    """
    return blake2s(session_id.encode()).hexdigest()


class IdCarrier:
    max_bytes = MAX_COOKIE
    keeps_late_changes = True

    def __init__(self, store: Store, lifetime: Lifetime, keys: KeyRing | None) -> None:
        self.lifetime = lifetime.with_retention()
        self._store = store
        self._keys = keys

    async def find(self, cookie: str, now: float) -> Carried | None:
        session_id = cookie if self._keys is None else self._unsealed(cookie, self._keys)
        # What no id can be is not worth asking a store, which then need not care what it is asked.
        if len(session_id) != ID_LENGTH:
            raise InvalidCookie("it is no session id")
        key = key_of(session_id)
        record = await self._store.load(key)
        if record is None:
            return None
        if record.is_tombstone:
            raise SessionEnded("the session has a newer id")
        return self._living(session_id, key, record, now)

    async def create(self, draft: Draft) -> Carried:
        expires_at = self.lifetime.first(draft.now)
        return await self._create(_record(draft.content, draft.now, expires_at), draft.content)

    async def update(self, carried: Carried, draft: Draft) -> Carried:
        key, created_at = carried.key, carried.created_at
        for attempt in range(MAX_TRIES):
            expires_at = draft.expiry_on(carried)
            if not draft.changes and expires_at == carried.expires_at:
                return carried
            content = draft.content_on(carried)
            version = carried.version
            record = _record(content, created_at, expires_at, version + 1)
            if await self._store.replace(key, record, expected=version):
                return _carried(carried.id, key, record, content)
            carried = await self._fresher(carried, attempt, draft.now)
        raise WriteConflict("too many requests write to one session at the same time")

    async def rotate(self, carried: Carried, draft: Draft) -> Carried:
        # First the new record, then a tombstone in place of the old one, if nobody wrote to that in
        # between: a crash or a faster writer leaves a record that nobody knows the id of, never a loss.
        for attempt in range(MAX_TRIES):
            content = draft.content_on(carried)
            new = await self._create(_record(content, carried.created_at, draft.expiry_on(carried)), content)
            tombstone = Record(b"", carried.created_at, draft.now + TOMBSTONE_SECONDS, carried.version + 1)
            if await self._store.replace(carried.key, tombstone, expected=carried.version):
                return new
            await self.destroy(new)
            carried = await self._fresher(carried, attempt, draft.now)
        raise WriteConflict("too many requests write to one session at the same time")

    async def destroy(self, carried: Carried) -> None:
        await self._store.delete(carried.key)

    def cookie(self, carried: Carried, now: float) -> str:
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

    def _living(self, session_id: str | None, key: str, record: Record, now: float) -> Carried | None:
        """The record's session, unless an absolute timeout that was set or shortened since has ended it.

        Any other end the store knows itself.
        """
        carried = _carried(session_id, key, record, None)
        if self.lifetime.absolute is not None:
            carried.expires_at = self.lifetime.capped(record.created_at, record.expires_at)
            if self.lifetime.has_ended(record.created_at, carried.expires_at, now):
                return None
        return carried

    async def _create(self, record: Record, content: Content) -> Carried:
        session_id = new_id()
        key = key_of(session_id)
        if not await self._store.create(key, record):
            raise RuntimeError("a new session id is already taken: the system's random numbers repeat")
        return _carried(session_id, key, record, content)

    async def _fresher(self, carried: Carried, attempt: int, now: float) -> Carried:
        """What a faster request left behind. Raises `SessionEnded` when that is nothing."""
        if attempt:  # step aside for a random while, longer each time, so that somebody gets through
            await anyio.sleep(random() * min(0.0005 * 2**attempt, 0.05))  # noqa: S311 (no secret)
        record = await self._store.load(carried.key)
        fresher = None
        if record and not record.is_tombstone:
            fresher = self._living(carried.id, carried.key, record, now)
        if fresher is None:
            raise SessionEnded("the session was ended by another request")
        return fresher


def _record(content: Content, created_at: float, expires_at: float | None, version: int = 1) -> Record:
    return Record(
        encode(content), created_at, inf if expires_at is None else expires_at, version, content.owner
    )


def _carried(session_id: str | None, key: str, record: Record, content: Content | None) -> Carried:
    return Carried(
        record.created_at,
        record.expires_at,
        unpack,
        record.payload,
        content,
        session_id,
        key,
        record.version,
    )
