"""A record whose time has come counts as absent everywhere, whether or not it was removed yet."""

from __future__ import annotations

import time

import anyio

from sessions._record import Record
from sessions.stores.base import Store
from sessions.testing.kit import GRACE, HOUR, Kit, a_key, a_record

SOON = 0.5
"""Seconds."""


class ExpiryPromises(Kit):
    async def test_an_expired_record_counts_as_absent(self, store: Store) -> None:
        """EXP-1: no method finds an expired record, before any purge and after it."""
        key, other = a_key(), a_key()
        await store.create(key, a_record(lives=-0.01, owner="ann"))
        await store.create(other, a_record(owner="ann"))
        await store.replace(other, a_record(lives=-0.01, version=2, owner="ann"), expected=1)
        for _ in range(2):
            for gone in (key, other):
                assert await store.load(gone) is None
                for expected in (1, 2):
                    assert not await store.replace(gone, a_record(version=3), expected=expected)
            if self.finds_by_owner:
                assert await store.owned_by("ann") == []
            await store.purge()

    async def test_delete_takes_an_expired_record(self, store: Store) -> None:
        """To delete what has expired is no error, and nothing is left of it to purge."""
        key = a_key()
        await store.create(key, a_record(lives=-1, owner="ann"))
        await store.delete(key)
        assert await store.load(key) is None
        assert await store.purge() == 0

    async def test_create_takes_the_key_of_an_expired_record(self, store: Store) -> None:
        """An expired record does not stand in the way of a new one, and leaves nothing to it."""
        key, record = a_key(), a_record(b"new", owner="bob")
        await store.create(key, a_record(b"old", lives=-1, version=7, owner="ann"))
        assert await store.create(key, record) is True
        await store.purge()
        assert await store.load(key) == record
        if self.finds_by_owner:
            assert await store.owned_by("ann") == []
            assert await store.owned_by("bob") == [(key, record)]

    async def test_a_record_ends_at_its_moment(self, store: Store) -> None:
        """EXP-1: a record is there until its expiry, and from then on it is not."""
        key, record = a_key(), a_record(lives=SOON, owner="ann")
        await store.create(key, record)
        await _see_it_end(store, key, record.expires_at)
        assert not await store.replace(key, a_record(version=2), expected=1)
        if self.finds_by_owner:
            assert await store.owned_by("ann") == []

    async def test_a_shortened_record_ends_at_its_new_moment(self, store: Store) -> None:
        """EXP-4: `replace` can bring the end nearer."""
        key, record = a_key(), a_record(lives=SOON, version=2)
        await store.create(key, a_record(lives=HOUR))
        await store.replace(key, record, expected=1)
        await _see_it_end(store, key, record.expires_at)

    async def test_a_prolonged_record_lives_on(self, store: Store) -> None:
        """EXP-2: `replace` can put the end off, and a purge at the former end removes nothing."""
        hour, for_ever = a_key(), a_key()
        longer = a_record(b"longer", lives=HOUR, version=2)
        never = a_record(b"never", lives=float("inf"), version=2)
        former_end = max(await _prolong(store, hour, longer), await _prolong(store, for_ever, never))
        await anyio.sleep(former_end + GRACE - time.time())
        assert await store.purge() == 0
        assert await store.load(hour) == longer
        assert await store.load(for_ever) == never

    async def test_purge_removes_what_has_expired_and_nothing_else(self, store: Store) -> None:
        """EXP-5: a purge removes exactly the expired records and says how many there were."""
        living = {a_key(): a_record(b"living", lives=lives, owner="ann") for lives in (5, HOUR, float("inf"))}
        for key, record in living.items():
            await store.create(key, record)
        for lives in (-0.01, -1, -HOUR, -1e9):
            await store.create(a_key(), a_record(lives=lives, owner="ann"))
        assert await store.purge() == (4 if self.counts_purged else 0)
        assert await store.purge() == 0
        assert {key: await store.load(key) for key in living} == living
        if self.finds_by_owner:
            assert dict(await store.owned_by("ann")) == living


async def _prolong(store: Store, key: str, record: Record) -> float:
    """Replace a short-lived record in time by this one; when the former would have ended."""
    lives = SOON
    while True:
        former = a_record(lives=lives)
        await store.create(key, former)
        if await store.replace(key, record, expected=1):
            return former.expires_at
        assert time.time() > former.expires_at - GRACE / 2, "a living record was not replaced"
        lives *= 2  # on a busy machine the two calls take longer than that


async def _see_it_end(store: Store, key: str, expires_at: float) -> None:
    while True:
        asked = time.time()
        found = await store.load(key)
        if found is None:
            # Half a clock's grace for a store that keeps time in milliseconds, or on another machine.
            assert time.time() > expires_at - GRACE / 2, "the record ended too early"
            return
        assert asked < expires_at + GRACE, "the record outlived its expiry"
        await anyio.sleep(0.02)
