"""Where each store keeps its sessions, and how many bytes that takes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
from redis.asyncio import Redis

from services import running
from sessions import Store, open_store

STORES: Final = ("memory", "sqlite", "redis", "postgres", "sqlalchemy")

AT_ONCE: Final = 32
"""Sessions that are made at a time where a store has connections."""


class Place(NamedTuple):
    store: Store
    size: Callable[[], Awaitable[int]]
    """Bytes that the store takes by now."""
    keeps_expired: bool
    """Whether what has expired stays until a purge."""


def memory_of_this_process() -> int:
    """Bytes."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[Place]:
    """The store on a database of its own, which is gone at the end."""
    if name == "memory":
        yield Place(_opened("memory:"), _of_memory, keeps_expired=True)
    elif name == "sqlite":
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            file = Path(folder) / "sessions.db"
            async with _closing(_opened(f"sqlite:///{file}")) as store:
                yield Place(store, lambda: _of_files(file), keeps_expired=True)
    elif name == "redis":
        with running("redis") as url:
            async with _closing(_opened(url)) as store, Redis.from_url(url) as client:
                yield Place(store, lambda: _of_redis(client), keeps_expired=False)
    else:
        with running("postgres") as url:
            driver = "postgresql+asyncpg:" if name == "sqlalchemy" else "postgresql:"
            async with _closing(_opened(url.replace("postgresql:", driver))) as store:
                yield Place(store, lambda: _of_postgres(url), keeps_expired=True)


@asynccontextmanager
async def _closing(store: Store) -> AsyncIterator[Store]:
    try:
        yield store
    finally:
        await store.close()


def _opened(url: str) -> Store:
    store = open_store(url)
    assert isinstance(store, Store)
    return store


async def _of_memory() -> int:
    return memory_of_this_process()


async def _of_files(file: Path) -> int:
    return sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))


async def _of_redis(client: Redis) -> int:
    return int((await client.info("memory"))["used_memory"])


async def _of_postgres(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT pg_database_size(current_database())"))
    finally:
        await connection.close()
