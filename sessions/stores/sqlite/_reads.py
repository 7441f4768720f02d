"""Reads of one SQLite database: in the event loop as a rule, else in threads."""

from __future__ import annotations

import resource
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar

from sessions.stores.sqlite import _file as sqlite_file
from sessions.stores.sqlite._file import Connection, DatabaseFile, Gone, is_busy, unavailable

T = TypeVar("T")

SLOW: Final = 0.02
"""Seconds. After a read in the event loop that waited for the disk as long, the next ones are done in
threads."""

SLOW_FOR: Final = 10.0
"""Seconds until one is done in the event loop again."""

THREADS: Final = 4
"""Threads of one event loop that read."""

_threads: RunVar[CapacityLimiter] = RunVar("sessions_sqlite_threads")


class Reads:
    """To find one record takes some ten microseconds if its pages are in memory, as they are as a rule, and
    the way to a thread and back takes sixty. So it is done at once, in the event loop. Nothing else waits
    then: no lock is waited for there, and readers wait for no writer (write-ahead log). Only the disk could
    take long. If it does, reads go to threads for a while."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._idle: deque[Connection] = deque()
        self._slow_until = 0.0
        self._blocks: int | None = None

    def at_once(self, query: str, values: Sequence[Any]) -> list[Any] | None:
        """The rows; None if it is to be done in a thread."""
        began = time.monotonic()
        if began < self._slow_until:
            return None
        try:
            reader = self._idle.pop()
        except IndexError:
            return None
        try:
            return reader.use(lambda db: db.execute(query, values).fetchall())
        except sqlite3.Error:
            return None  # to wait for a lock, or for another connection, is for a thread
        finally:
            self._idle.append(reader)
            if time.monotonic() - began > SLOW and self._has_read_blocks():
                self._slow_until = time.monotonic() + SLOW_FOR

    def _has_read_blocks(self) -> bool:
        """Whether a disk was read since it was asked last. Else the processor was busy with others."""
        before, self._blocks = self._blocks, _blocks_read()
        return self._blocks is None or self._blocks != before

    async def in_thread(self, work: Callable[[sqlite3.Connection], T], *, makes_storage: bool) -> T:
        """Raises `StoreUnavailable`."""

        def in_thread() -> T:
            deadline = time.monotonic() + sqlite_file.BUSY_TIMEOUT
            while True:
                reader, is_new = self._taken(makes_storage)
                try:
                    result = reader.use(work)
                except sqlite3.Error as fault:
                    if is_busy(fault) and time.monotonic() < deadline:
                        self._idle.append(reader)
                        time.sleep(0.005)
                        continue
                    self._file.discard(reader)
                    if is_new and not isinstance(fault, Gone):
                        raise unavailable(fault) from fault
                except BaseException:
                    self._file.discard(reader)
                    raise
                else:
                    self._idle.append(reader)
                    return result
                if time.monotonic() > deadline:
                    raise unavailable(Gone("the database file is replaced again and again"))

        if self._blocks is None:
            self._blocks = _blocks_read()
        # Not abandoned on cancellation: a connection must come back in a known state.
        return await anyio.to_thread.run_sync(in_thread, limiter=_limiter())

    def _taken(self, makes_storage: bool) -> tuple[Connection, bool]:
        """A connection, and whether it was opened just now. Raises `StoreUnavailable`."""
        try:
            return self._idle.pop(), False
        except IndexError:
            pass
        try:
            # It never waits for a lock by itself: it may be used in the event loop.
            return self._file.connect(timeout=0.0, makes_storage=makes_storage), True
        except sqlite3.Error as fault:
            raise unavailable(fault) from fault


def _limiter() -> CapacityLimiter:
    """Of the running event loop."""
    try:
        return _threads.get()
    except LookupError:
        limiter = CapacityLimiter(THREADS)
        _threads.set(limiter)
        return limiter


def _blocks_read() -> int | None:
    """How many blocks this thread has read from disks; None where the system does not say (macOS)."""
    who = getattr(resource, "RUSAGE_THREAD", None)
    return None if who is None else resource.getrusage(who).ru_inblock
