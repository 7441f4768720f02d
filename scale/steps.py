"""What is measured of one store, one after the other."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Final

from scale import records
from scale.figures import Births, Figures, Owner, Purge, Times
from scale.lives import births_and_deaths
from scale.places import AT_ONCE, Place, memory_of_this_process, opened
from sessions import Store

FEW: Final = 1000
"""Sessions in the store at the first timing, which the second one is compared with."""

TIMED: Final = 2000
"""Reads, and writes, of which the median is taken."""

WATCHED: Final = 0.001
"""Seconds between two reads that watch how long a purge keeps them waiting."""


def measured(name: str, sessions: int) -> Figures:
    """Fill the store and measure it. Takes minutes for a million sessions."""
    return asyncio.run(_measured(name, sessions))


async def _measured(name: str, sessions: int) -> Figures:
    async with opened(name) as place:
        store = place.store
        births = await born(store, sessions if name == "memory" else sessions // 10)
        empty = await place.size()
        keys = await fill(store, min(FEW, sessions))
        few = await timed(store, keys)
        began = time.perf_counter()
        keys += await fill(store, sessions - len(keys))
        seconds = time.perf_counter() - began
        size = await place.size() - empty
        many = await timed(store, keys)
        return Figures.of(
            name,
            sessions=sessions,
            fill_seconds=seconds,
            beside=size / sessions - records.PAYLOAD,
            few=few,
            many=many,
            purge=await purged(place, sessions // 10, keys) if place.keeps_expired else None,
            owner=await owned(store, sessions // 100),
            births=births,
        )


async def fill(store: Store, number: int) -> list[str]:
    keys = [records.new_key() for _ in range(number)]
    await _each(keys, lambda key: store.create(key, records.living()))
    return keys


async def timed(store: Store, keys: Sequence[str]) -> Times:
    """A read and a write, one after the other, of sessions at random."""
    reads, writes = [], []
    for key in random.choices(keys, k=TIMED):
        began = time.perf_counter()
        record = await store.load(key)
        read = time.perf_counter()
        assert record is not None
        kept = await store.replace(key, records.living(record.version + 1), expected=record.version)
        assert kept
        reads.append(read - began)
        writes.append(time.perf_counter() - read)
    return Times(median(reads) * 1e6, median(writes) * 1e6)


async def purged(place: Place, number: int, keys: Sequence[str]) -> Purge:
    """Remove expired sessions while others are read."""
    store = place.store
    await _each([records.new_key() for _ in range(number)], lambda key: store.create(key, records.expired()))
    began = time.perf_counter()
    purge = asyncio.create_task(store.purge())
    beside = await _longest_wait(store, keys, purge.done)
    seconds = time.perf_counter() - began
    removed = await purge
    idle = time.perf_counter() + seconds
    alone = await _longest_wait(store, keys, lambda: time.perf_counter() > idle)
    return Purge(removed, seconds, beside * 1e3, alone * 1e3)


async def _longest_wait(store: Store, keys: Sequence[str], is_over: Callable[[], bool]) -> float:
    longest = 0.0
    while not is_over():
        due = time.perf_counter()
        await store.load(random.choice(keys))
        await asyncio.sleep(WATCHED)
        longest = max(longest, time.perf_counter() - due - WATCHED)
    return longest


async def owned(store: Store, number: int) -> Owner:
    """One owner with so many sessions: all are listed, then all are ended."""
    keys = [records.new_key() for _ in range(number)]
    await _each(keys, lambda key: store.create(key, records.living(owner="ada")))
    began = time.perf_counter()
    found = await store.sessions_of("ada")
    listed = time.perf_counter()
    ended = await store.destroy_all("ada")
    assert len(found) == ended == number
    return Owner(number, listed - began, time.perf_counter() - listed)


async def born(store: Store, number: int) -> Births:
    """Sessions that an app begins and ends: what the process takes at the end, it took at the beginning."""
    await births_and_deaths(store, max(number // 10, 1))
    before = memory_of_this_process()
    await births_and_deaths(store, number)
    return Births(number, memory_of_this_process() - before)


async def _each(keys: Sequence[str], work: Callable[[str], Awaitable[object]]) -> None:
    remaining = iter(keys)

    async def one_after_the_other() -> None:
        for key in remaining:
            await work(key)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_the_other())
