"""MemoryStore keeps the promises of a store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from sessions import MemoryStore
from sessions.stores.memory import SLICE
from sessions.testing import StoreConformance
from sessions.testing.kit import HOUR, MakeStore, a_key, a_record


class TestMemoryStore(StoreConformance):
    shared = False

    @pytest.fixture
    def make_store(self) -> MakeStore:
        return MemoryStore


async def deleted_early(store: MemoryStore, turn: int) -> None:
    key = a_key()
    await store.create(key, a_record(lives=HOUR))
    await store.delete(key)


async def ended_early(store: MemoryStore, turn: int) -> None:
    """As a logout ends it: replaced by a record that has expired, which then is deleted."""
    key = a_key()
    await store.create(key, a_record(lives=HOUR, owner="ann"))
    await store.replace(key, a_record(lives=-1, version=2), expected=1)
    await store.delete(key)


KEY = a_key()


async def another_owner(store: MemoryStore, turn: int) -> None:
    await store.create(KEY, a_record(lives=HOUR))
    assert await store.replace(
        KEY, a_record(lives=HOUR, version=turn + 2, owner=str(turn)), expected=turn + 1
    )


async def extended(store: MemoryStore, turn: int) -> None:
    await store.create(KEY, a_record(lives=HOUR))
    assert await store.replace(KEY, a_record(lives=HOUR + turn, version=turn + 2), expected=turn + 1)


async def shortened(store: MemoryStore, turn: int) -> None:
    await store.create(KEY, a_record(lives=2 * HOUR))
    assert await store.replace(KEY, a_record(lives=2 * HOUR - turn / 10, version=turn + 2), expected=turn + 1)


@pytest.mark.anyio
@pytest.mark.promise("EXP-5: no request waits for a purge")
@pytest.mark.parametrize("clean", [MemoryStore.purge, lambda store: store.delete_older(float("inf"))])
async def test_others_have_their_turn_while_much_is_removed(
    clean: Callable[[MemoryStore], Awaitable[int]],
) -> None:
    store, turns = MemoryStore(), 0
    for _ in range(10 * SLICE):
        await store.create(a_key(), a_record(lives=-1))

    async def another() -> None:
        nonlocal turns
        while True:
            turns += 1
            await checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(another)
        await checkpoint()
        assert await clean(store) == 10 * SLICE
        tasks.cancel_scope.cancel()
    assert turns >= 9
    assert len(store) == 0


@pytest.mark.anyio
@pytest.mark.promise("EXP-5")
@pytest.mark.parametrize("act", [deleted_early, ended_early, another_owner, extended, shortened])
async def test_its_bookkeeping_does_not_outgrow_the_living(
    act: Callable[[MemoryStore, int], Awaitable[None]],
) -> None:
    """Also of sessions that never come to their expiry, and without a purge."""
    store = MemoryStore()
    for turn in range(5000):
        await act(store, turn)
    assert len(store) <= 1
    assert len(store._queue) <= 1500
    assert len(store._owned) <= 1


@pytest.mark.anyio
@pytest.mark.promise("EXP-5")
async def test_a_purge_goes_on_with_what_others_have_added_meanwhile() -> None:
    store = MemoryStore()
    for _ in range(2 * SLICE):
        await store.create(a_key(), a_record(lives=-1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.purge)
        tasks.start_soon(store.create, a_key(), a_record(lives=-1))
    await store.purge()
    assert len(store) == 0
