"""Writes to one SQLite database: one thread does them, since SQLite lets one write at a time anyway."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, TypeVar
from weakref import finalize

import anyio
import msgspec

from sessions._hidden import Hidden
from sessions.stores.forks import tell_of_forks
from sessions.stores.sqlite import _file as sqlite_file
from sessions.stores.sqlite._file import Connection, DatabaseFile, Gone, unavailable

T = TypeVar("T")

Statement = Callable[[sqlite3.Connection], Any]

MOST_AT_ONCE: Final = 64
"""Writes of one transaction: none of them is answered before all are done."""

_OF_ONE_WRITE: Final = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""Errors that say nothing about the database: the other writes of the transaction are done."""


class _Write(Hidden, msgspec.Struct, eq=False):
    work: Statement
    wake: Callable[[Callable[[], object]], object]
    """Lets the event loop of whoever waits call something."""
    done: anyio.Event
    result: Any = None
    fault: BaseException | None = None


class Writes:
    """Whatever waits while the thread writes is written next, in one transaction. So the more there are at
    once, the less each costs."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._connection: Connection | None = None
        self._waiting: deque[_Write] = deque()
        self._lock = Lock()
        self._is_writing = False
        self._thread: _Thread | None = None
        tell_of_forks(self)

    async def do(self, work: Callable[[sqlite3.Connection], T], *, makes_storage: bool) -> T:
        """What the work returns, once it is committed.

        The work changes the database by one statement at most: it is done or not, whatever becomes of the
        others. It may be called again, on another connection. Whoever is cancelled goes at once: what has
        not begun by then is not done, and what has begun may be.

        Raises `StoreUnavailable`.
        """
        write = _Write(work, _waker(), anyio.Event())
        with self._lock:
            self._waiting.append(write)
            if not self._is_writing:
                self._thread = self._thread or _Thread(self)
                self._thread.calls.put(partial(self._write_all, makes_storage))
                self._is_writing = True
        try:
            await write.done.wait()
        except BaseException:
            with self._lock:
                if write in self._waiting:
                    self._waiting.remove(write)
            raise
        if write.fault is not None:
            raise write.fault
        result: T = write.result
        return result

    def close(self) -> None:
        """Write what waits, and end the thread. The next write begins another one."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None:
                thread.calls.put(None)
        if thread is not None:
            thread.join()

    def _write_all(self, makes_storage: bool) -> None:
        while True:
            with self._lock:
                writes = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
                if not writes:
                    self._is_writing = False
                    return
            try:
                self._write(writes, makes_storage)
            except BaseException as fault:
                for write in writes:
                    write.fault = unavailable(fault) if isinstance(fault, sqlite3.Error) else fault
            _answer(writes)

    def _write(self, writes: list[_Write], makes_storage: bool) -> None:
        for _ in range(2):
            if self._connection is None:
                timeout = sqlite_file.BUSY_TIMEOUT
                self._connection = self._file.connect(timeout=timeout, makes_storage=makes_storage)
            try:
                self._connection.use(lambda db: _transact(db, writes))
                return
            except BaseException as fault:
                connection, self._connection = self._connection, None
                self._file.discard(connection)
                if not isinstance(fault, Gone):
                    raise
        raise Gone("the database file was replaced again and again")

    def before_fork(self) -> None:
        self._lock.acquire()

    def after_fork(self, *, in_child: bool) -> None:
        if in_child:
            # The thread is the parent's, and so is whoever waits.
            self._waiting.clear()
            self._is_writing, self._thread, self._connection = False, None, None
        self._lock.release()


class _Thread:
    """Makes the calls that it is given. An executor does the same, and costs as much as the write itself."""

    def __init__(self, writes: Writes) -> None:
        self.calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon, for whoever closes no store: if the process ends in the middle of a write, it is not done.
        thread = Thread(target=_make, args=(self.calls,), name="sessions-sqlite", daemon=True)
        thread.start()
        self.join = thread.join
        finalize(writes, self.calls.put, None)  # or if the store is forgotten


def _make(calls: SimpleQueue[Callable[[], None] | None]) -> None:
    """All calls that come, until None does."""
    while (call := calls.get()) is not None:
        call()
        del call


def _transact(db: sqlite3.Connection, writes: list[_Write]) -> None:
    """Do all of them in one transaction. Raises `sqlite3.Error` if none is done."""
    if len(writes) == 1:
        _do(db, writes[0])
        return
    db.execute("BEGIN IMMEDIATE")
    for write in writes:
        _do(db, write)
    db.execute("COMMIT")


def _do(db: sqlite3.Connection, write: _Write) -> None:
    try:
        write.result, write.fault = write.work(db), None
    except _OF_ONE_WRITE as fault:
        write.fault = unavailable(fault)
    except sqlite3.Error:
        raise
    except Exception as fault:  # what cannot be given to a database
        write.fault = fault


def _answer(writes: list[_Write]) -> None:
    """Wake those who wait: of each event loop all at once."""
    by_loop: dict[Any, list[_Write]] = {}
    for write in writes:
        by_loop.setdefault(write.wake, []).append(write)
    for wake, answered in by_loop.items():

        def answer(answered: list[_Write] = answered) -> None:
            for write in answered:
                write.done.set()

        try:
            wake(answer)
        except RuntimeError:
            continue  # the loop is closed, and nobody waits


def _waker() -> Callable[[Callable[[], object]], object]:
    """The function by which another thread lets this event loop call something."""
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        import trio  # noqa: PLC0415

        return trio.lowlevel.current_trio_token().run_sync_soon
