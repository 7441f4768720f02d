"""What a store is: five short methods over keys and records, and four more for who looks after many."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from enum import Enum
from math import inf
from typing import Final, Protocol

from sessions._carriers import Carrier, IdCarrier
from sessions._carriers.chain import end, follow_on
from sessions._carriers.id import TOMBSTONE_SECONDS
from sessions._keys import KeyRing, Purpose
from sessions._lifetime import Lifetime
from sessions._record import OwnedSession, Record, former_key, moved_to, owner_text
from sessions.errors import WriteConflict

MAX_ROUNDS: Final = 100
"""How often an owner's sessions are listed until none is left, before `destroy_all` gives up."""

CHASE: Final = 10
"""Steps after one of many sessions that get new ids meanwhile, before all are listed anew: the others get
further ahead in that time. So many more each time, as fewer are left."""

_is_key: Final = re.compile("[0-9a-f]{64}").fullmatch
"""Apps may be sent anything as the key of a session. No store is asked for what cannot be one."""


MAX_BYTES: Final = 1024 * 1024
"""Bytes of JSON that a session may take by default: each request loads all of it."""


SMALLEST: Final = 512
"""Bytes, the least that `max_bytes` may be."""


class Anybody(Enum):
    """Stands for no particular owner; not None, which is what an anonymous session has for an owner."""

    WHOEVER = "whoever it belongs to"


def checked_size(max_bytes: int) -> int:
    """Raises `ValueError` for a limit that leaves no room for any session."""
    if max_bytes < SMALLEST:
        raise ValueError(f"max_bytes is too small for any session: at least {SMALLEST}")
    return max_bytes


class Storage(Protocol):
    """What `SessionMiddleware(store=…)` takes: anything that can make a carrier."""

    def carrier(self, lifetime: Lifetime, keys: KeyRing | None, purpose: Purpose) -> Carrier: ...


class Store(ABC):
    """Base of the server-side stores.

    A key is 64 hexadecimal digits (the hash of a session id) and is never used twice. A record's
    payload is opaque. A record whose `expires_at` (seconds since the epoch) has passed counts as absent
    in every method, whether or not it was removed yet.

    Each method raises `StoreUnavailable` when the service behind the store cannot be reached or does
    not answer, and runs under asyncio as well as trio unless the store's documentation says otherwise.
    Methods open what they need on first use, so that no server has to run a start-up hook.
    """

    max_bytes: int = MAX_BYTES
    """Bytes of JSON that a session's content may take. A larger one is refused with `SessionTooLarge` before
    the store hears of it. What the store adds (times, owner, up to 500 bytes for retries) is not counted."""

    makes_storage: bool = True
    """Whether the first use makes the file or the table that is missing. False for who only looks after a
    store: then it raises `StoreUnavailable`, and a slip in a name makes nothing."""

    @abstractmethod
    async def create(self, key: str, record: Record) -> bool:
        """Add the record if there is none; whether it was added."""

    @abstractmethod
    async def load(self, key: str) -> Record | None: ...

    @abstractmethod
    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        """Compare and set: replace the record if its version is the expected one; whether it was.

        The comparison and the replacement are one atomic step, also across processes. A record that is
        absent is never created by this.
        """

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Remove the record if there is one."""

    @abstractmethod
    async def purge(self) -> int:
        """Remove expired records; how many. A store with a native time to live has nothing to do."""

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        """The keys and records of one owner, in any order.

        Optional: a store without it keeps sessions just as well, but cannot list or end them by owner.
        """
        raise NotImplementedError(f"{type(self).__name__} does not find sessions by their owner")

    async def delete_older(self, moment: float) -> int:
        """Remove each record with a `created_at` up to this moment (infinity: each one); how many.

        Expired ones and tombstones too. Each record that is there from the beginning of the call to its end
        is met; one that comes in between need not be. Other callers wait for no more than some records.

        Optional: a store without it keeps sessions just as well, but cannot end everybody's.
        """
        raise NotImplementedError(f"{type(self).__name__} does not end the sessions of all users")

    async def count(self) -> int:
        """How many records there are, without expired ones.

        Tombstones too, of which each new id leaves one for a minute. What comes and goes in the meantime may
        be counted or not.

        Optional: a store without it keeps sessions just as well.
        """
        raise NotImplementedError(f"{type(self).__name__} does not count its sessions")

    def scan(self) -> AsyncIterator[tuple[str, Record]]:
        """All keys with their records, in any order, without expired ones: `async for key, record in …`.

        Tombstones too. Each key that has a record from the beginning of the scan to its end comes exactly
        once; one that comes or goes in between comes once or not at all. The records are read in portions
        as they are asked for, so that a large store takes no more memory than a small one. Nothing is
        locked, and no connection held, between two portions.

        Optional: a store without it keeps sessions just as well.
        """
        raise NotImplementedError(f"{type(self).__name__} does not go through its sessions")

    async def sessions_of(self, owner: str | int) -> list[OwnedSession]:
        """The living sessions of one owner, the newest first, for a page like "where you are signed in".

        Raises `TypeError` for an owner that is None or anything else than a text or a number, as do the
        methods that end sessions: nobody is meant by it, or else everybody who is not signed in. Raises
        `ValueError` for a text that no session can have for an owner.
        """
        found = await self.owned_by(owner_text(owner))
        sessions = [OwnedSession(key, record) for key, record in found if moved_to(record.payload) is None]
        return sorted(sessions, key=lambda session: session.created_at, reverse=True)

    async def destroy(self, key: str, *, owner: str | int | Anybody = Anybody.WHOEVER) -> bool:
        """End the session that `sessions_of` shows under this key, also if it gets a new id at this moment.

        Whether there was one. With `owner` only if it is that user's: for a key that comes from a request,
        which may name somebody else's. Without, whoever it belongs to, for an administrator.

        Raises `WriteConflict` if it cannot be sure.
        """
        if not _is_key(key):
            return False
        return await end(self, key, owner=None if isinstance(owner, Anybody) else owner_text(owner))

    async def destroy_all(self, owner: str | int, *, except_key: str | None = None) -> int:
        """End all sessions that one owner has now, under whatever id they live by the time; how many.

        But for the one with the given key, `session.key` for the user's own, which lives on also if it gets
        a new id meanwhile. For "sign out everywhere (else)", a changed password, a disabled account.

        A login that is under way and saves its session only after this call has begun may live on: to the
        store it is a new one. A login saves its session, and then looks whether the account may sign in;
        who closes an account notes that first, and then calls this. One of the two then sees the other.

        Raises `WriteConflict` if it cannot be sure that none is left.
        """
        name, called_at = owner_text(owner), time.time()
        chain = [except_key] if except_key and _is_key(except_key) else []
        ended: dict[str, str] = {}
        for round_ in range(MAX_ROUNDS):
            owned = await self.owned_by(name)
            if chain:
                await follow_on(self, chain)
            owned = [each for each in owned if round_ == 0 or each[1].created_at <= called_at]
            before = len(ended)
            escaped = await self._end_living(owned, chain, CHASE * (round_ + 1), ended)
            if len(ended) == before and not escaped:
                await self._end_behind_tombstones(owned, chain, ended)
                if len(ended) == before:
                    # One that was just getting a new id has two records, which are ended both.
                    return sum(former not in ended for former in ended.values())
        raise WriteConflict("the sessions of this owner were given new ids faster than they could be ended")

    async def destroy_everything(self) -> int:
        """End all sessions of all users, and of anonymous visitors, under whatever id they live by the time.

        How many records were removed; expired ones and tombstones count too. For an emergency, such as a
        stolen key. No session that is there at the call is alive after it. One that begins, or logs in,
        meanwhile is a new one; it may be ended too.

        Raises `WriteConflict` if it cannot be sure, and `NotImplementedError` for a store without
        `delete_older`.
        """
        called_at = time.time()
        # All at first, by whatever clock their `created_at` was written.
        removed = await self.delete_older(inf)
        for _ in range(MAX_ROUNDS):
            # A session that got a new id in the middle of a round may have been missed under both keys. But
            # then its old key had a tombstone, which this round or the next one removes, unless a round
            # takes longer than a tombstone lasts.
            began = time.monotonic()
            found = await self.delete_older(called_at)
            removed += found
            if found == 0 and time.monotonic() - began < TOMBSTONE_SECONDS:
                return removed
        raise WriteConflict("sessions were given new ids faster than they could be ended")

    async def _end_living(
        self, owned: Sequence[tuple[str, Record]], spared: list[str], max_steps: int, ended: dict[str, str]
    ) -> bool:
        """Add the keys of those that were ended, each with its former key, to `ended`.

        Whether one was given new ids faster than it could be followed.
        """
        escaped = False
        for key, record in owned:
            if moved_to(record.payload) is None:
                try:
                    if await end(self, key, record, spared=spared, max_steps=max_steps):
                        ended[key] = former_key(record.payload)
                except WriteConflict:
                    escaped = True
        return escaped

    async def _end_behind_tombstones(
        self, owned: Sequence[tuple[str, Record]], spared: list[str], ended: dict[str, str]
    ) -> None:
        """The same for what tombstones lead to: that may not have been there when the list was made."""
        listed = {key for key, _ in owned}
        for key, record in owned:
            moved = moved_to(record.payload)
            if moved is None:
                continue
            if moved.key not in listed:
                if await end(self, key, spared=spared):
                    ended[key] = former_key(record.payload)
            elif key not in spared:
                await self.delete(key)

    async def close(self) -> None:
        """Give back connections and files. A later call of any method opens them again."""
        return

    def carrier(self, lifetime: Lifetime, keys: KeyRing | None, purpose: Purpose) -> Carrier:
        return IdCarrier(self, lifetime, keys, purpose)
