"""A process of its own that increments one session: `counting.py COOKIE TIMES`, all at once.

The store's URL is in the variable `COUNTING_URL`: its password is for no list of processes.
"""

from __future__ import annotations

import os
import sys

import anyio

from sessions import Session, Store, open_store
from sessions.testing.requests import Visitor


async def count(url: str, cookie: str, times: int) -> None:
    store = open_store(url)
    assert isinstance(store, Store)

    async def increment(session: Session) -> None:
        assert not session.is_new
        session.increment("count")

    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(Visitor(store, cookie).visit, increment)
    await store.close()


if __name__ == "__main__":
    anyio.run(count, os.environ["COUNTING_URL"], sys.argv[1], int(sys.argv[2]))
