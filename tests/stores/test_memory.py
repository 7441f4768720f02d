"""MemoryStore keeps the promises of a store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from sessions import MemoryStore
from sessions.stores.memory import SLICE
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore, a_key, a_record


class TestMemoryStore(StoreConformance):
    shared = False

    @pytest.fixture
    def make_store(self) -> MakeStore:
        return MemoryStore


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
async def test_a_purge_goes_on_with_what_others_have_added_meanwhile() -> None:
    store = MemoryStore()
    for _ in range(2 * SLICE):
        await store.create(a_key(), a_record(lives=-1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.purge)
        tasks.start_soon(store.create, a_key(), a_record(lives=-1))
    await store.purge()
    assert len(store) == 0
