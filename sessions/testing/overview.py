"""All sessions counted and gone through, while others come and go."""

from __future__ import annotations

from functools import partial

import pytest

from sessions._record import Record
from sessions.stores.base import Store
from sessions.testing.kit import Kit, a_key, a_record, all_at_once

MANY = 1203
"""More than a store reads in one portion."""


class OverviewPromises(Kit):
    @pytest.fixture(autouse=True)
    async def _overview_or_none(self, request: pytest.FixtureRequest, store: Store) -> None:
        name = request.function.__name__
        if name not in vars(OverviewPromises):
            return
        if not self.counts_sessions and "count" in name:
            with pytest.raises(NotImplementedError):
                await store.count()
            pytest.skip("the store says that it does not count its sessions")
        if not self.scans_sessions and "scan" in name:
            with pytest.raises(NotImplementedError):
                await found_by_scan(store)
            pytest.skip("the store says that it does not go through its sessions")

    async def test_count_goes_by_what_is_there(self, store: Store) -> None:
        """LOOK-1: `count` is the number of records, without expired and deleted ones."""
        assert await store.count() == 0
        first, second = a_key(), a_key()
        await store.create(first, a_record(owner="ann"))
        await store.create(second, a_record())
        assert await store.count() == 2
        await store.create(a_key(), a_record(lives=-1))
        await store.replace(first, a_record(version=2), expected=1)
        assert await store.count() == 2
        await store.delete(first)
        await store.replace(second, a_record(lives=-1, version=2), expected=1)
        assert await store.count() == 0

    async def test_scan_shows_keys_and_records(self, store: Store) -> None:
        """LOOK-1: `scan` shows what `load` does, without expired and deleted records."""
        assert await found_by_scan(store) == {}
        records = {a_key(): a_record(b"%d" % n, owner=owner) for n, owner in enumerate([None, "ann", ""])}
        for key, record in records.items():
            await store.create(key, record)
        deleted = a_key()
        await store.create(a_key(), a_record(lives=-1))
        await store.create(deleted, a_record())
        await store.delete(deleted)
        assert await found_by_scan(store) == records

    async def test_many_are_counted_as_well_as_three(self, store: Store) -> None:
        """LOOK-1: however many there are, and however they are divided to be counted."""
        await fill(store, MANY)
        assert await store.count() == MANY

    async def test_a_scan_shows_many_as_well_as_three(self, store: Store) -> None:
        """LOOK-1: each of many comes once, also if it is changed meanwhile."""
        keys = await fill(store, MANY)
        last = max(keys)

        shown: list[str] = []
        async for key, _ in store.scan():
            if not shown:
                await store.replace(last, a_record(b"changed", version=2), expected=1)
            shown.append(key)
        assert len(shown) == MANY, "a key came twice, or not at all"
        assert sorted(shown) == sorted(keys)

    async def test_a_scan_misses_nobody_while_others_come_and_go(self, stores: list[Store]) -> None:
        """LOOK-1: whoever is there from the beginning of a scan to its end is shown once."""
        going = await fill(stores[0], 300)
        staying = await fill(stores[0], 600)
        coming = [a_key() for _ in range(300)]

        shown: list[str] = []
        async for key, _ in stores[0].scan():
            shown.append(key)
            if len(shown) % 50 == 0:
                for _ in range(10):
                    if going:
                        await stores[1].delete(going.pop(0))
                    if coming:
                        await stores[1].create(coming.pop(), a_record())
        assert len(shown) == len(set(shown)), "a key came twice"
        assert set(staying) <= set(shown)

    async def test_a_scan_may_be_left(self, store: Store) -> None:
        """LOOK-1: who has seen enough leaves the scan, and the store works as before."""
        await fill(store, 5)
        for _ in range(30):
            async for _ in store.scan():
                break
        assert len(await found_by_scan(store)) == 5


async def fill(store: Store, number: int) -> list[str]:
    """Create so many records; their keys."""
    keys = [a_key() for _ in range(number)]

    async def create(part: list[str]) -> None:
        for key in part:
            await store.create(key, a_record(owner="ann" if key < "8" else None))

    await all_at_once(*[partial(create, keys[start::20]) for start in range(20)])
    return keys


async def found_by_scan(store: Store) -> dict[str, Record]:
    found: dict[str, Record] = {}
    async for key, record in store.scan():
        assert key not in found, "a key came twice"
        found[key] = record
    return found
