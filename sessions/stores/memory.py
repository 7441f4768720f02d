"""Sessions in this process's memory: for tests, development, and servers with a single process."""

from __future__ import annotations

import heapq
import time
from collections.abc import AsyncIterator
from threading import Lock
from typing import Final

from anyio.lowlevel import checkpoint

from sessions._record import Record
from sessions.stores.base import MAX_BYTES, Store, checked_size

SLICE: Final = 500
"""Keys that are looked at in one go (about 2 ms) when there is much to remove; then others have a turn."""


class MemoryStore(Store):
    """A dictionary, bounded by what is alive: expired records are purged, and so is their bookkeeping.

    Other processes do not see it and it ends with the process. It may be shared by several event loops.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = checked_size(max_bytes)
        self._records: dict[str, Record] = {}
        # When each key may expire, soonest first. A key stands here at its earliest expiry, and once more
        # when its owner changes; if it lives longer by the time it comes up, it goes back in with the later
        # one.
        self._queue: list[tuple[float, str]] = []
        self._owned: dict[str, set[str]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        """How many records are in memory, expired ones that no purge has met included."""
        return len(self._records)

    def __bool__(self) -> bool:
        """An empty store is a store all the same."""
        return True

    async def create(self, key: str, record: Record) -> bool:
        with self._lock:
            if self._alive(key) is not None:
                return False
            self._remove(key)
            self._put(key, record)
            return True

    async def load(self, key: str) -> Record | None:
        record = self._records.get(key)
        return record if record is not None and record.expires_at > time.time() else None

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        self._lock.acquire()  # each writing request comes by here, and `with` takes longer
        try:
            current = self._records.get(key)
            if current is None or current.version != expected or current.expires_at <= time.time():
                return False
            if record.owner == current.owner and record.expires_at >= current.expires_at:
                self._records[key] = record
            else:
                self._remove(key)
                self._put(key, record)
            return True
        finally:
            self._lock.release()

    async def delete(self, key: str) -> None:
        with self._lock:
            self._remove(key)

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        with self._lock:
            found = [(key, self._alive(key)) for key in self._owned.get(owner, ())]
        return [(key, record) for key, record in found if record is not None]

    async def purge(self) -> int:
        purged = 0
        while True:
            with self._lock:
                purged += self._purge_some(time.time())
                more = self._has_due(time.time())
            if not more:
                return purged
            await checkpoint()

    async def delete_older(self, moment: float) -> int:
        keys = self._keys()
        deleted = 0
        for start in range(0, len(keys), SLICE):
            with self._lock:
                for key in keys[start : start + SLICE]:
                    record = self._records.get(key)
                    if record is not None and record.created_at <= moment:
                        self._remove(key)
                        deleted += 1
            await checkpoint()
        return deleted

    async def count(self) -> int:
        counted, keys = 0, self._keys()
        for start in range(0, len(keys), SLICE):
            counted += sum(self._alive(key) is not None for key in keys[start : start + SLICE])
            await checkpoint()
        return counted

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        keys = self._keys()
        for start in range(0, len(keys), SLICE):
            for key in keys[start : start + SLICE]:
                if (record := self._alive(key)) is not None:
                    yield key, record
            await checkpoint()

    def _keys(self) -> list[str]:
        """As they are now. They are in memory already: the list adds eight bytes for each."""
        with self._lock:
            return list(self._records)

    def _has_due(self, now: float) -> bool:
        return bool(self._queue) and self._queue[0][0] <= now

    def _purge_some(self, now: float) -> int:
        """How many records were removed; at most `SLICE` keys are looked at."""
        purged = 0
        for _ in range(SLICE):
            if not self._has_due(now):
                break
            _, key = heapq.heappop(self._queue)
            record = self._records.get(key)
            if record is None:
                continue
            if record.expires_at <= now:
                self._remove(key)
                purged += 1
            else:
                heapq.heappush(self._queue, (record.expires_at, key))
        return purged

    def _put(self, key: str, record: Record) -> None:
        self._records[key] = record
        if record.owner is not None:
            self._owned.setdefault(record.owner, set()).add(key)
        heapq.heappush(self._queue, (record.expires_at, key))
        self._trim_queue()

    def _remove(self, key: str) -> None:
        record = self._records.pop(key, None)
        if record is not None and record.owner is not None:
            keys = self._owned[record.owner]
            keys.discard(key)
            if not keys:
                del self._owned[record.owner]

    def _alive(self, key: str) -> Record | None:
        record = self._records.get(key)
        return None if record is None or record.expires_at <= time.time() else record

    def _trim_queue(self) -> None:
        """Forget about keys that were deleted early, before they outnumber the living."""
        if len(self._queue) > 2 * len(self._records) + 1000:
            self._queue = [(record.expires_at, key) for key, record in self._records.items()]
            heapq.heapify(self._queue)
