"""Many tasks at once, spread over two store objects where the store is shared, as over two workers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from random import random
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from sessions.stores.base import Store
from sessions.testing.kit import Kit, MakeStore, a_key, a_record, all_at_once

WRITERS = 20
ROUNDS = 10
"""How often a test tries a race that it cannot force."""


class RacePromises(Kit):
    async def test_the_first_calls_may_come_at_once(self, stores: list[Store]) -> None:
        """A store opens on its first use, also when that is twenty uses at a time in two processes."""
        await all_at_once(*[partial(self._use, stores[n % 2]) for n in range(WRITERS)])

    async def test_one_creator_wins(self, stores: list[Store]) -> None:
        """Of twenty that create the same key at once, one is told that it did."""
        for _ in range(ROUNDS):
            key, won = a_key(), list[bytes]()

            async def create(n: int, key: str = key, won: list[bytes] = won) -> None:
                if await stores[n % 2].create(key, a_record(b"%d" % n)):
                    won.append(b"%d" % n)

            await all_at_once(*[partial(create, n) for n in range(WRITERS)])
            record = await stores[0].load(key)
            assert record is not None
            assert won == [record.payload]

    async def test_one_writer_of_a_version_wins(self, stores: list[Store]) -> None:
        """CONC-3: of twenty that replace the same version at once, one does, whole and unmixed."""
        for _ in range(ROUNDS):
            key, won = a_key(), list[bytes]()
            await stores[0].create(key, a_record())

            async def replace(n: int, key: str = key, won: list[bytes] = won) -> None:
                payload = b"%d" % n * 5000
                if await stores[n % 2].replace(key, a_record(payload, version=2), expected=1):
                    won.append(payload)

            await all_at_once(*[partial(replace, n) for n in range(WRITERS)])
            record = await stores[0].load(key)
            assert record is not None
            assert won == [record.payload]
            assert record.version == 2

    async def test_compare_and_set_counts_exactly(self, stores: list[Store]) -> None:
        """CONC-2: twenty that each count up five times with compare-and-set count to one hundred."""
        key = a_key()
        await stores[0].create(key, a_record(b"0"))

        async def count(store: Store) -> None:
            for _ in range(5):
                while True:
                    record = await store.load(key)
                    assert record is not None
                    newer = a_record(b"%d" % (int(record.payload) + 1), version=record.version + 1)
                    if await store.replace(key, newer, expected=record.version):
                        break
                    await anyio.sleep(random() * 0.01)  # noqa: S311 (no secret)

        await all_at_once(*[partial(count, stores[n % 2]) for n in range(WRITERS)])
        record = await stores[0].load(key)
        assert record is not None
        assert (record.payload, record.version) == (b"100", 101)

    async def test_what_was_deleted_stays_deleted(self, stores: list[Store]) -> None:
        """OUT-2: a record that is deleted while others replace it does not come back."""
        for _ in range(ROUNDS):
            key = a_key()
            await stores[0].create(key, a_record(owner="ann"))

            async def replace(store: Store, key: str = key) -> None:
                version = 1
                while await store.replace(
                    key, a_record(version=version + 1, owner="ann"), expected=version
                ) or await store.load(key):
                    record = await store.load(key)
                    version = record.version if record else version
                    await checkpoint()

            async def delete(key: str = key) -> None:
                await anyio.sleep(random() * 0.01)  # noqa: S311 (no secret)
                await stores[1].delete(key)
                assert await stores[0].load(key) is None

            writers = [partial(replace, stores[n % 2]) for n in range(5)]
            await all_at_once(*writers, delete)
            for store in stores:
                assert await store.load(key) is None
                if self.finds_by_owner:
                    assert await store.owned_by("ann") == []

    async def test_records_do_not_disturb_each_other(self, stores: list[Store]) -> None:
        """Calls for a hundred records at once each get their own answer."""
        await all_at_once(*[partial(self._use, stores[n % 2]) for n in range(100)])

    async def test_a_call_may_be_cancelled_at_any_moment(self, make_store: MakeStore, store: Store) -> None:
        """BAD-3: a request that goes away in the middle of a call harms neither records nor the store."""
        key = a_key()
        version = 1
        await store.create(key, a_record(b"1" * 1000))
        for turns in range(60):
            calls: list[Callable[[], Coroutine[Any, Any, Any]]] = [
                partial(store.replace, key, a_record(b"%d" % (version + 1) * 1000, version=version + 1),
                        expected=version),
                partial(store.load, key),
                partial(store.create, a_key(), a_record(owner="ann")),
                partial(store.purge),
            ]  # fmt: skip
            with anyio.fail_after(self.patience):
                await _cancelled(calls, turns)
                record = await store.load(key)
            assert record is not None
            assert record.version in (version, version + 1)
            assert record.payload == b"%d" % record.version * 1000
            version = record.version
        await all_at_once(*[partial(self._use, store) for _ in range(WRITERS)], seconds=self.patience)
        with anyio.fail_after(self.patience):
            await store.close()
            await self._use(store)

    async def _use(self, store: Store) -> None:
        key = a_key()
        first, second = a_record(key.encode()), a_record(key.encode() * 2, version=2)
        assert await store.load(key) is None
        assert await store.create(key, first)
        assert await store.load(key) == first
        assert await store.replace(key, second, expected=1)
        assert await store.load(key) == second
        await store.delete(key)
        assert await store.load(key) is None


async def _cancelled(calls: list[Callable[[], Coroutine[Any, Any, Any]]], turns: int) -> None:
    """Begin the calls, and cancel them after so many turns of the event loop."""
    async with anyio.create_task_group() as tasks:
        for call in calls:
            tasks.start_soon(call)
        for _ in range(turns % 20):
            await checkpoint()
        if turns >= 20:
            await anyio.sleep(random() * 0.003)  # noqa: S311 (no secret)
        tasks.cancel_scope.cancel()
