"""A store around another one, which gets nothing to see but encrypted records."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

from sessions._encryption import RecordCipher, is_encrypted
from sessions._keys import EncryptionKey, KeyRing, MadeOfKeys
from sessions._record import Record
from sessions.stores.base import Store
from sessions.stores.urls import open_store

logger = logging.getLogger("sessions")

LOOKED_AT: Final = 200
"""Records that are tried before a key counts as a wrong one."""

_DOES_NOT_OPEN: Final = "no encryption key opens it, or it was changed"


class EncryptedStore(Store):
    """Encrypts records before another store gets them: who reads the database sees no value and no owner.

    What can be read there is each record's key, times, version and size, and which records have the same
    owner. A record does not open if it was changed, copied under another key, encrypted with a key that is
    not given, or written without encryption. It counts as absent then, and a warning is logged.

    The first encryption key encrypts, all open; a record gets the first one at its next write. How to replace
    a key: docs/encryption-at-rest.md.
    """

    def __init__(self, store: Store | str, encryption_key: EncryptionKey | Sequence[EncryptionKey]) -> None:
        """Opens nothing yet, and asks functions that return keys for the first time.

        Args:
            store: where the records are kept: a server-side store, or a URL that `open_store` understands.
            encryption_key: in each form that `SessionMiddleware` takes. It may be the same: other keys are
                made of it.

        Raises `TypeError` for what is no server-side store, and for a key that is no text; `ValueError` for a
        key that is too short, one character repeated or printed in a manual, and as `open_store` does.
        """
        opened = open_store(store) if isinstance(store, str) else store
        if not isinstance(opened, Store):
            kind = opened.__name__ if isinstance(opened, type) else type(opened).__name__
            raise TypeError(f"only an object of a server-side store can be encrypted, and not {kind}")
        self.store = opened
        self.max_bytes = opened.max_bytes
        self._ciphers = MadeOfKeys(
            KeyRing(encryption_key), lambda texts: [RecordCipher(text) for text in texts]
        )

    @property
    def makes_storage(self) -> bool:
        return self.store.makes_storage

    @makes_storage.setter
    def makes_storage(self, makes: bool) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.store.makes_storage = makes

    async def create(self, key: str, record: Record) -> bool:
        return await self.store.create(key, self._ciphers.now[0].encrypted(key, record))

    async def load(self, key: str) -> Record | None:
        record = await self.store.load(key)
        return None if record is None else self._decrypted_or_told(key, record)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        return await self.store.replace(key, self._ciphers.now[0].encrypted(key, record), expected=expected)

    async def delete(self, key: str) -> None:
        await self.store.delete(key)

    async def purge(self) -> int:
        return await self.store.purge()

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        # The first key comes last: a record that is written anew meanwhile goes from an older one to it, and
        # is found under one of the two.
        found: dict[str, Record] = {}
        for cipher in reversed(self._ciphers.now):
            found.update(await self.store.owned_by(cipher.owner(owner)))
        opened = [(key, self._decrypted_or_told(key, record)) for key, record in found.items()]
        return [(key, record) for key, record in opened if record is not None]

    async def delete_older(self, moment: float) -> int:
        return await self.store.delete_older(moment)

    async def count(self) -> int:
        """How many records there are. Those that do not open are counted too, as none is opened for it."""
        return await self.store.count()

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        ignored = 0
        async for key, record in self.store.scan():
            opened = self.decrypted(key, record)
            if opened is None:
                ignored += 1
            else:
                yield key, opened
        if ignored:
            logger.warning("ignored %d records: %s", ignored, _DOES_NOT_OPEN)

    async def close(self) -> None:
        await self.store.close()

    def decrypted(self, key: str, record: Record) -> Record | None:
        """The record as the other store has it under this key, opened; None if it does not open."""
        for cipher in self._ciphers.now:
            if (opened := cipher.decrypted(key, record)) is not None:
                return opened
        return None

    def _decrypted_or_told(self, key: str, record: Record) -> Record | None:
        opened = self.decrypted(key, record)
        if opened is None:
            logger.warning("ignored a record: %s", _DOES_NOT_OPEN)
        return opened


def finds_by_owner(store: Store) -> bool:
    """Whether the store has the optional method `owned_by`."""
    if isinstance(store, EncryptedStore):
        return finds_by_owner(store.store)
    return type(store).owned_by is not Store.owned_by


async def check_readable(store: Store) -> None:
    """Raises `ValueError` if the key is missing or wrong by which some records of this store can be read.

    For who looks after a store: with a wrong key it would seem empty. Says nothing about a store without
    records, or without `scan`.
    """
    inner = store.store if isinstance(store, EncryptedStore) else store
    if type(inner).scan is Store.scan:
        return
    some = await _some(inner)
    encrypted = any(is_encrypted(record) for _, record in some)
    if not isinstance(store, EncryptedStore):
        if encrypted:
            raise ValueError("the records of this store are encrypted, and no encryption key is given")
    elif some and all(store.decrypted(key, record) is None for key, record in some):
        if encrypted:
            raise ValueError("the encryption key opens no record of this store")
        raise ValueError("an encryption key is given, and the records of this store are not encrypted")


async def _some(store: Store) -> list[tuple[str, Record]]:
    """The first records of a scan, which is closed after them."""
    some: list[tuple[str, Record]] = []
    records = store.scan()
    try:
        async for each in records:
            some.append(each)
            if len(some) == LOOKED_AT:
                break
    finally:
        if isinstance(records, AsyncGenerator):
            await records.aclose()
    return some
