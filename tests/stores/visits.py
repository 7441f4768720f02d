"""Browsers that go on through an outage, and what they were told: for the tests of the databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
from support import Browser, site

from sessions import Store

PATIENCE = 60.0
"""Seconds in which all must be well again; a broken test ends by it, and no other."""


class Visits:
    """One browser, whose session counts its requests."""

    def __init__(self, store: Store) -> None:
        # A read is no write here: no extension of the session falls due in between.
        self._browser = Browser(site(store=store, expire_after=3600, auto_extend_expiration=False))
        self.acknowledged = 0
        self.refused = 0
        """Answers with 503: of a change that may have been done, or not."""

    async def increment(self) -> bool:
        """Whether it was acknowledged."""
        reply = await self._browser.get("/increment")
        assert (reply.status, reply.error) in ((200, None), (503, None)), (reply.status, reply.error)
        self.acknowledged += reply.status == 200
        self.refused += reply.status == 503
        return reply.status == 200

    async def read(self) -> bool:
        """Whether the page was served, with what was acknowledged."""
        reply = await self._browser.get("/read")
        assert (reply.status, reply.error) in ((200, None), (503, None)), (reply.status, reply.error)
        if reply.status == 200:
            self._check(reply.json()["n"])
        return reply.status == 200

    async def be_well_again(self) -> None:
        """Send requests until they are served."""
        with anyio.fail_after(PATIENCE):
            while not (await self.increment() and await self.read()):
                await anyio.lowlevel.checkpoint()

    async def be_served(self) -> None:
        """While somebody else sends requests, wait until two more are acknowledged."""
        wanted = self.acknowledged + 2
        with anyio.fail_after(PATIENCE):
            while self.acknowledged < wanted:
                await anyio.lowlevel.checkpoint()

    def _check(self, seen: int) -> None:
        assert self.acknowledged <= seen <= self.acknowledged + self.refused


@asynccontextmanager
async def going_on(store: Store, number: int = 8) -> AsyncIterator[list[Visits]]:
    """Browsers that send one request after another as long as the block lasts. At the end all are well, still
    logged in, and none has lost what was acknowledged."""
    visits = [Visits(store) for _ in range(number)]
    for each in visits:
        assert await each.increment()
    over = False

    async def go_on(each: Visits) -> None:
        while not over:
            if not await each.increment():
                await anyio.sleep(0.005)
            await each.read()

    async with anyio.create_task_group() as tasks:
        for each in visits:
            tasks.start_soon(go_on, each)
        try:
            yield visits
        finally:
            over = True
    for each in visits:
        await each.be_well_again()
