"""What goes wrong while the browsers are at work. Each nemesis ends with all in order again."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NamedTuple

from torture.browser import Habits
from torture.dials import WORKERS
from torture.servers import Servers

MOMENT: Final = 0.4
"""Seconds that something is out of order, if it does not end by itself."""

LONG: Final = 6.0
"""Seconds, longer than a store waits for an answer."""

CLOCKS: Final = 15.0
"""Seconds by which a clock is wrong, in either direction. With two of them a tombstone is still kept for half
of its minute."""

LOSS: Final = 0.05
"""The share of the store's answers that get lost."""

LEAVING: Final = 0.1
"""The share of the requests from which the browser goes away."""


async def kill_worker(servers: Servers, habits: Habits) -> None:
    worker = random.choice(servers.workers)
    await asyncio.to_thread(worker.kill)
    worker.start(servers.url)


async def restart_worker(servers: Servers, habits: Habits) -> None:
    worker = random.choice(servers.workers)
    await asyncio.to_thread(worker.replace, servers.url)


async def kill_store(servers: Servers, habits: Habits) -> None:
    assert servers.service is not None
    await asyncio.to_thread(servers.service.kill)
    await asyncio.sleep(MOMENT / 2)
    await asyncio.to_thread(servers.service.start)


async def freeze_store(servers: Servers, habits: Habits) -> None:
    await _freeze(servers, MOMENT)


async def freeze_store_for_long(servers: Servers, habits: Habits) -> None:
    await _freeze(servers, LONG)


async def _freeze(servers: Servers, seconds: float) -> None:
    assert servers.service is not None
    with servers.service.frozen():
        await asyncio.sleep(seconds)


async def cut_connections(servers: Servers, habits: Habits) -> None:
    assert servers.proxy is not None
    servers.proxy.cut()


async def lose_answers(servers: Servers, habits: Habits) -> None:
    if servers.proxy is None:
        servers.dials.loss = LOSS
        await asyncio.sleep(MOMENT)
        servers.dials.loss = 0.0
    else:
        servers.proxy.loss = LOSS
        await asyncio.sleep(MOMENT)
        servers.proxy.loss = 0.0


async def lock_database(servers: Servers, habits: Habits) -> None:
    await _lock(servers, MOMENT)


async def lock_database_for_long(servers: Servers, habits: Habits) -> None:
    await _lock(servers, LONG)


async def _lock(servers: Servers, seconds: float) -> None:
    with contextlib.closing(
        sqlite3.connect(servers.database, 30, isolation_level=None, check_same_thread=False)
    ) as database:
        await asyncio.to_thread(database.execute, "BEGIN IMMEDIATE")
        await asyncio.sleep(seconds)
        database.execute("ROLLBACK")


async def leave(servers: Servers, habits: Habits) -> None:
    usual, habits.leaving = habits.leaving, LEAVING
    await asyncio.sleep(MOMENT)
    habits.leaving = usual


async def move_clocks(servers: Servers, habits: Habits) -> None:
    for worker in range(WORKERS):
        servers.dials.set_clock(worker, random.uniform(-CLOCKS, CLOCKS))


class Nemesis(NamedTuple):
    name: str
    stores: str
    """Where it can be: of which stores, separated by blanks."""
    strike: Callable[[Servers, Habits], Awaitable[None]]
    long: bool = False
    """Whether it is left out of a short run."""


NEMESES: Final = (
    Nemesis("a worker is killed", "sqlite redis postgres sqlalchemy", kill_worker),
    Nemesis("a worker is restarted", "sqlite redis postgres sqlalchemy", restart_worker),
    Nemesis("browsers go away in mid-request", "memory sqlite redis postgres sqlalchemy", leave),
    Nemesis("the workers' clocks jump", "memory sqlite redis postgres sqlalchemy", move_clocks),
    Nemesis("the store's answers get lost", "memory sqlite redis postgres sqlalchemy", lose_answers),
    Nemesis("all connections to the store are cut", "redis postgres sqlalchemy", cut_connections),
    Nemesis("the store is killed", "redis postgres sqlalchemy", kill_store),
    Nemesis("the store is stopped for a moment", "redis postgres sqlalchemy", freeze_store),
    Nemesis(
        "the store is stopped for longer than a time-out",
        "redis postgres sqlalchemy",
        freeze_store_for_long,
        long=True,
    ),
    Nemesis("another process locks the database", "sqlite", lock_database),
    Nemesis(
        "another process locks the database for longer than a time-out",
        "sqlite",
        lock_database_for_long,
        long=True,
    ),
)


def of_store(store: str, *, short: bool) -> Iterator[Nemesis]:
    for nemesis in NEMESES:
        if store in nemesis.stores.split() and not (short and nemesis.long):
            yield nemesis
