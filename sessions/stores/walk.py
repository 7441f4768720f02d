"""All sessions of a store, without the tombstones that changes of id leave."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Final

from sessions._carriers.chain import follow_on
from sessions._carriers.id import TOMBSTONE_SECONDS
from sessions._record import Record, moved_to
from sessions.stores.base import Store

CLOCKS_DIFFER: Final = 60.0
"""Seconds by which the clocks of the machines that share a store may differ."""


async def living(store: Store) -> AsyncIterator[tuple[str, Record]]:
    """Keys and records of all sessions: each that lives the whole time comes once.

    One that gets a new id meanwhile may come twice, under either key, and is not missed.

    Raises `NotImplementedError` for a store without `scan`.
    """
    began = time.time() - CLOCKS_DIFFER
    young, followers = set[str](), set[str]()
    async for key, record in store.scan():
        moved = moved_to(record.payload)
        if moved is None:
            if record.created_at >= began:
                young.add(key)
            followers.discard(key)
            yield key, record
        elif began <= record.expires_at - TOMBSTONE_SECONDS <= time.time() + CLOCKS_DIFFER:
            # Made meanwhile: what follows may stand where the scan has been before there was anything.
            followers.add(moved.key)
    for follower in followers - young:
        chain = [follower]
        await follow_on(store, chain)
        if (found := await store.load(chain[-1])) is not None:
            yield chain[-1], found
