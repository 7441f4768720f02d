"""The cookie carries an id; the session lives in a store on the server.

The store never learns an id, only its hash: whoever steals the database opens no session with it.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2s
from math import inf
from typing import Final

import msgspec

from sessions._binding import Binding
from sessions._carriers.base import Carried, Loaded, MovedIn, MovingIn, SealedByOlderKey
from sessions._carriers.chain import MAX_STEPS, RecordStore, end
from sessions._carriers.limit import end_oldest
from sessions._cookie_header import MAX_COOKIE, REMEMBERED
from sessions._json import encode
from sessions._keys import KeyRing, Purpose, Sealing
from sessions._lifetime import Lifetime
from sessions._record import (
    Content,
    InvalidRecord,
    Moved,
    Record,
    moved_to,
    own_timeouts,
    split,
    unpack,
    with_former_key,
)
from sessions._stamp import LENGTH, NONE, last_activity, rules_of
from sessions.errors import InvalidCookie
from sessions.iron import InvalidSeal

logger = logging.getLogger("sessions")

ID_BYTES: Final = 32
"""256 bits from the operating system; OWASP ASVS 5, 7.2.3, asks for at least 128."""
ID_LENGTH: Final = 43
"""Characters of 32 bytes in base64url."""

TOMBSTONE_SECONDS: Final = 60.0
"""How long a rotated id is remembered. A browser may have sent requests with the old id just before it
learned of the new one; until they have all arrived, none of them may set a cookie."""


def new_seed() -> bytes:
    return secrets.token_bytes(ID_BYTES)


def first_id(seed: bytes) -> str:
    return urlsafe_b64encode(seed).rstrip(b"=").decode()


def next_id(session_id: str, seed: bytes) -> str:
    """The id that follows at a rotation: HMAC-SHA-256 (RFC 2104) of the old id, under a random seed.

    The seed alone is in the store and the old id alone at the browser. So the new id can be sent again when
    the answer that carried it was lost, and neither a stolen database nor the old id tells it.
    """
    return first_id(hmac.digest(seed, session_id.encode(), "sha256"))


def keys_for(purpose: Purpose, kind: str = "id") -> Callable[[str], str]:
    """The function that says under which key a store keeps the session of an id.

    It is BLAKE2s (RFC 7693) of the id, keyed with the hash of the purpose, as 64 hexadecimal digits. So an
    id that comes in another cookie than it was issued for, or to another realm, is unknown there.

    A fast hash will do, as there is nothing to guess about 256 random bits. Python brings this one itself;
    to set up one of OpenSSL's takes longer than to hash an id, and each request needs it.
    """
    prefix = blake2s(purpose.of(kind).encode()).digest()

    @lru_cache(maxsize=REMEMBERED)
    def key_of(session_id: str) -> str:
        return blake2s(session_id.encode(), key=prefix).hexdigest()

    return key_of


class IdCarrier:
    max_bytes = MAX_COOKIE
    on_server = True

    def __init__(
        self, store: RecordStore, lifetime: Lifetime, keys: KeyRing | None, purpose: Purpose
    ) -> None:
        self.lifetime = lifetime
        self.enough = lifetime.needs_no_extension_at_all
        self.max_sessions: int | None = None
        self.warned_at = -inf
        self.binding: Binding | None = None
        self._rules = tuple({rules_of(each) for each in lifetime.both})
        self.max_content = store.max_bytes
        self.key_of = keys_for(purpose)
        self._key_of_old = keys_for(purpose, "old id")
        self._store = store
        self.replace = store.replace
        self.purge = store.purge
        self.close = store.close
        self._sealing = None if keys is None else keys.sealing(purpose.of("sealed id"))

    async def find(self, cookie: str) -> Carried | None:
        session_id = cookie
        if self._sealing is not None:
            session_id, by_first_key = _unsealed(cookie, self._sealing)
            if not by_first_key:
                await self._tell_of_older_key(session_id)
                return None
        # What no id can be is not worth asking a store, which then need not care what it is asked.
        if len(session_id) != ID_LENGTH:
            raise InvalidCookie("it is no session id")
        key = self.key_of(session_id)
        record = await self._store.load(key)
        if record is None or (
            # The timeouts have changed since the record was written.
            not record.payload.endswith(self._rules) and (record := self._living(record)) is None
        ):
            return None
        return Carried(record, session_id, key)

    async def _tell_of_older_key(self, session_id: str) -> None:
        """Raises `SealedByOlderKey` if there is such a session, and `InvalidCookie` for what is no id."""
        if len(session_id) != ID_LENGTH:
            raise InvalidCookie("it is no session id")
        found = await self._load(self.key_of(session_id), session_id)
        if found is not None:
            raise SealedByOlderKey(found[0])

    async def find_again(self, carried: Carried) -> Loaded | None:
        return await self._load(carried.key, carried.id)

    async def under(self, key: str) -> Loaded | None:
        return await self._load(key, None)

    async def _load(self, key: str, session_id: str | None) -> Loaded | None:
        record = await self._store.load(key)
        if record is None or (
            not record.payload.endswith(self._rules) and (record := self._living(record)) is None
        ):
            return None
        try:
            return Carried(record, session_id, key), unpack(split(record.payload)[0])
        except InvalidRecord as fault:  # as to a request that begins with it: there is no session
            logger.warning("ignored a record: %s", fault)
            return None

    async def follow(self, tombstone: Loaded) -> tuple[Loaded, set[str]] | None:
        carried, content = tombstone
        session_id, written = carried.id, set[str]()
        for _ in range(MAX_STEPS):
            moved = content.moved
            if moved is None:
                return (carried, content), written
            written.update(moved.written)
            session_id = session_id and next_id(session_id, moved.seed)
            found = await self._load(moved.key, session_id)
            if found is None:
                return None
            carried, content = found
        return None

    async def create(self, record: Record, seed: bytes) -> Carried:
        session_id = first_id(seed)
        key = self.key_of(session_id)
        created = await self._created(key, record)
        if created is None:
            raise RuntimeError("a new session id is already taken: the system's random numbers repeat")
        return Carried(created, session_id, key)

    async def moved_in(self, old_id: str) -> MovedIn | None:
        marker = await self._store.load(self._key_of_old(old_id))
        moved = None if marker is None else moved_to(marker.payload)
        if moved is None:
            return None
        # To this one and no further: an old id is worth what the first id of the session is worth (ROT-3).
        found = await self._load(moved.key, next_id(old_id, moved.seed))
        return MovedIn(found and found[0])

    async def move_in(self, moving: MovingIn) -> MovedIn:
        # First the record, then what leads from the old id to it. The latter is there once: of requests at
        # the same time one leads, and the others find its record. It stays for as long as the old cookie
        # could be sent again, so that this does not bring the session back after its end.
        old_id, record = moving.old_id, moving.carried.record
        session_id = next_id(old_id, moving.seed)
        key = self.key_of(session_id)
        created = await self._created(key, record)
        leads = encode(Content(moved=Moved(key, moving.seed)))
        marker = Record(b"%b\n;%b" % (leads, NONE), record.created_at, moving.ends_at)
        if created is not None and await self._store.create(self._key_of_old(old_id), marker):
            return MovedIn(Carried(created, session_id, key), began=True)
        found = await self._store.load(self._key_of_old(old_id))
        moved = None if found is None else moved_to(found.payload)
        if created is not None and moved is not None and moved.key == key:  # the first answer was lost
            return MovedIn(Carried(created, session_id, key), began=True)
        if created is not None:
            await self._store.delete(key)
        other = await self.moved_in(old_id)
        if other is None or other.carried is None:
            return MovedIn(None)
        unknown = msgspec.structs.replace(other.carried.record, version=0)
        return MovedIn(msgspec.structs.replace(other.carried, record=unknown))

    async def rotate(
        self, carried: Carried, changed: Carried, commit_id: bytes, written: list[str], seed: bytes
    ) -> Carried | None:
        # First the new record, then a tombstone in place of the old one, if nobody wrote to that in
        # between: a crash or a faster writer leaves a record that nobody knows the id of, never a loss.
        if carried.id is None:
            raise TypeError("a session without an id came from another carrier")
        session_id, record = next_id(carried.id, seed), changed.record
        key, payload = self.key_of(session_id), with_former_key(record.payload, carried.key)
        first = await self._created(key, msgspec.structs.replace(record, payload=payload, version=1))
        # The owner stays on it: who lists an owner's sessions while one gets a new id finds it by either key.
        moved = encode(Content(moved=Moved(key, seed, written)))
        tombstone = carried.rewritten(moved, commit_id, record.owner).renewed(
            carried.record.created_at, time.time() + TOMBSTONE_SECONDS, b""
        )
        new = None if first is None else Carried(first, session_id, key)
        if new and await self.replace(carried.key, tombstone.record, expected=carried.record.version):
            return new
        # A client that lost the first answer and asked again was refused because of itself.
        found = await self._store.load(carried.key)
        other = None if found is None else moved_to(found.payload)
        if other is not None and other.key == key:
            return new
        await self._store.delete(key)
        return None

    async def end(self, carried: Carried) -> None:
        await end(self._store, carried.key, carried.record)

    async def end_oldest(self, owner: str) -> None:
        if self.max_sessions is not None:
            await end_oldest(self._store, owner, self.max_sessions)

    def cookie(self, carried: Carried) -> str:
        if carried.id is None:
            raise TypeError("a session without an id came from another carrier")
        return self._sealing.seal(carried.id.encode()) if self._sealing else carried.id

    def check(self, carried: Carried) -> None:
        pass  # an id always fits

    def must_tell(self, known: Carried, carried: Carried, *, ends: bool) -> bool:
        return known.id != carried.id or (ends and known.record.expires_at != carried.record.expires_at)

    async def _created(self, key: str, record: Record) -> Record | None:
        """The new record as it is in the store; None if something else is there."""
        if await self._store.create(key, record):
            return record
        # Who lost the first answer and asked again is told that the key is taken: by itself.
        taken = await self._store.load(key)
        # The commit's id is in both; the stamp is of the moment of each try.
        same = taken is not None and taken.payload[:-LENGTH] == record.payload[:-LENGTH]
        return taken if same else None

    def _living(self, record: Record) -> Record | None:
        """The record, unless a timeout that was set or shortened since has ended it.

        Any other end the store knows itself. Sessions with timeouts of their own always come by here.
        """
        lifetime = self.lifetime.of_session(record.owner, own_timeouts(record.payload))
        if record.payload.endswith(rules_of(lifetime)):
            return record
        now = time.time()
        expires_at = lifetime.capped(record.created_at, record.expires_at)
        if lifetime.idle is not None and moved_to(record.payload) is None:
            expires_at = min(expires_at, (last_activity(record.payload) or now) + lifetime.idle)
        return None if expires_at <= now else msgspec.structs.replace(record, expires_at=expires_at)


def _unsealed(cookie: str, sealing: Sealing) -> tuple[str, bool]:
    """The id, and whether the first key sealed it. Raises `InvalidCookie`."""
    try:
        plaintext, by_first_key = sealing.opened(cookie)
        return plaintext.decode("ascii"), by_first_key
    except InvalidSeal as fault:
        raise InvalidCookie(str(fault)) from None
    except UnicodeDecodeError:
        raise InvalidCookie("it holds no session id") from None
