"""What a store is: five short methods over keys and records, and one more to find them by owner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from sessions.carriers import Carrier, IdCarrier
from sessions.carriers.id import key_of
from sessions.expiry import Lifetime
from sessions.keys import KeyRing
from sessions.record import OwnedSession, Record


class Storage(Protocol):
    """What `SessionMiddleware(store=…)` takes: anything that can make a carrier."""

    def carrier(self, lifetime: Lifetime, keys: KeyRing | None) -> Carrier: ...


class Store(ABC):
    """Base of the server-side stores.

    A key is 64 hexadecimal digits (the hash of a session id) and is never used twice. A record's
    payload is opaque. A record whose `expires_at` (seconds since the epoch) has passed counts as absent
    in every method, whether or not it was removed yet.

    Each method raises `StoreUnavailable` when the service behind the store cannot be reached or does
    not answer, and runs under asyncio as well as trio unless the store's documentation says otherwise.
    Methods open what they need on first use, so that no server has to run a start-up hook.
    """

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

    async def sessions_of(self, owner: str | int) -> list[OwnedSession]:
        """The living sessions of one owner, the newest first, for a page like "where you are signed in"."""
        found = await self.owned_by(str(owner))
        sessions = [OwnedSession(key, record) for key, record in found if not record.is_tombstone]
        return sorted(sessions, key=lambda session: session.created_at, reverse=True)

    async def destroy_all(
        self, owner: str | int, *, except_id: str | None = None, except_key: str | None = None
    ) -> int:
        """End all sessions of one owner, but for the one with the given id, or the key that `sessions_of`
        shows; the number of sessions ended.

        For "sign out everywhere (else)", a changed password, a disabled account.
        """
        spared = key_of(except_id) if except_id else except_key
        ended = 0
        for _ in range(10):  # a session that was given a new id meanwhile is found the next time round
            keys = [session.key for session in await self.sessions_of(owner) if session.key != spared]
            if not keys:
                break
            for key in keys:
                await self.delete(key)
            ended += len(keys)
        return ended

    async def close(self) -> None:
        """Give back connections and files. A later call of any method opens them again."""
        return

    def carrier(self, lifetime: Lifetime, keys: KeyRing | None) -> Carrier:
        return IdCarrier(self, lifetime, keys)
