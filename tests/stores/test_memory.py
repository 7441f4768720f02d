"""MemoryStore keeps the promises of a store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sessions import MemoryStore
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
