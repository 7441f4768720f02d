"""A new database that many open at once, as all workers of a server do."""

from __future__ import annotations

import time
from multiprocessing import get_context
from pathlib import Path

import anyio
import pytest

from sessions import Record, SQLiteStore


def create(path: Path, number: int, begin: float) -> bool:
    time.sleep(max(0.0, begin - time.time()))

    async def work() -> bool:
        return await SQLiteStore(path).create(f"{number:064}", Record(b"x", 1.0, 9e9))

    return anyio.run(work)


@pytest.mark.anyio
@pytest.mark.promise("BAD-2: a store that is there is not away")
async def test_parallel_requests_to_a_new_database(tmp_path: Path) -> None:
    for round_ in range(100):
        store = SQLiteStore(tmp_path / f"{round_}.db")
        created: list[bool] = []

        async def add(store: SQLiteStore = store, created: list[bool] = created) -> None:
            created.append(await store.create("0" * 64, Record(b"x", 1.0, 9e9)))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(add)
        assert sorted(created) == [False] * 7 + [True]
        await store.close()


@pytest.mark.promise("BAD-2: a store that is there is not away")
def test_parallel_processes_on_a_new_database(tmp_path: Path) -> None:
    with get_context("spawn").Pool(4) as workers:
        for round_ in range(15):
            begin = time.time() + 0.05
            calls = [(tmp_path / f"{round_}.db", number, begin) for number in range(4)]
            assert workers.starmap(create, calls, chunksize=1) == [True] * 4
