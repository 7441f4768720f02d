"""Sessions in one SQLite file, shared by any number of processes of one machine."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Final, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar

from sessions._record import Record
from sessions.errors import StoreUnavailable
from sessions.stores.base import MAX_BYTES, Store, checked_size
from sessions.stores.files import make_private

T = TypeVar("T")

BUSY_TIMEOUT: Final = 5.0
"""Seconds that a write waits for another process's write before the store counts as unavailable."""

BATCH: Final = 1000
"""Records that one statement removes, so that no request waits for a long one."""

PAGE: Final = 200
"""Records that one statement reads of all: each may be large."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    key TEXT PRIMARY KEY,
    payload BLOB NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    version INTEGER NOT NULL,
    owner TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_expires_at ON sessions (expires_at);
CREATE INDEX IF NOT EXISTS sessions_owner ON sessions (owner) WHERE owner IS NOT NULL;
"""

_COLUMNS: Final = "payload, created_at, expires_at, version, owner"
"""In the order of `Record`'s fields."""

# Threads for the databases of one event loop; SQLite lets one of them write at a time anyway.
_threads: RunVar[CapacityLimiter] = RunVar("sessions_sqlite_threads")


class SQLiteStore(Store):
    """The standard library's SQLite, in write-ahead-log mode, called in worker threads.

    A change that was acknowledged survives a killed process; only the machine itself going down can take
    the last moments with it (`synchronous=NORMAL`), and never leaves a broken file.

    The file must be on a local disk: the write-ahead log does not work over network file systems.
    """

    def __init__(self, path: str | Path, *, max_bytes: int = MAX_BYTES) -> None:
        """`path` is a file, made when missing; its folder must exist.

        Only its owner may read a file that is made (mode 600). A file that exists keeps its mode, so who
        wants a group to share one makes it empty beforehand.
        """
        self.max_bytes = checked_size(max_bytes)
        self._path = str(path)
        if self._path in ("", ":memory:"):
            raise ValueError("SQLiteStore needs a file; MemoryStore keeps sessions in memory")
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()

    async def create(self, key: str, record: Record) -> bool:
        now = time.time()

        def work(db: sqlite3.Connection) -> bool:
            db.execute("DELETE FROM sessions WHERE key = ? AND expires_at <= ?", (key, now))
            values = (key, record.payload, record.created_at, record.expires_at, record.version, record.owner)
            query = "INSERT OR IGNORE INTO sessions VALUES (?, ?, ?, ?, ?, ?)"
            return db.execute(query, values).rowcount == 1

        return await self._run(work)

    async def load(self, key: str) -> Record | None:
        query = f"SELECT {_COLUMNS} FROM sessions WHERE key = ? AND expires_at > ?"  # noqa: S608
        row = await self._run(lambda db: db.execute(query, (key, time.time())).fetchone())
        return None if row is None else Record(*row)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        query = (
            "UPDATE sessions SET payload = ?, created_at = ?, expires_at = ?, version = ?, owner = ?"
            " WHERE key = ? AND version = ? AND expires_at > ?"
        )
        values = (
            record.payload,
            record.created_at,
            record.expires_at,
            record.version,
            record.owner,
            key,
            expected,
        )
        return await self._run(lambda db: db.execute(query, (*values, time.time())).rowcount == 1)

    async def delete(self, key: str) -> None:
        await self._run(lambda db: db.execute("DELETE FROM sessions WHERE key = ?", (key,)))

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        query = f"SELECT key, {_COLUMNS} FROM sessions WHERE owner = ? AND expires_at > ?"  # noqa: S608
        rows = await self._run(lambda db: db.execute(query, (owner, time.time())).fetchall())
        return [(key, Record(*row)) for key, *row in rows]

    async def purge(self) -> int:
        query = (
            "DELETE FROM sessions WHERE key IN"
            " (SELECT key FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"
        )
        return await self._in_batches(lambda db: db.execute(query, (time.time(), BATCH)).rowcount)

    async def delete_older(self, moment: float) -> int:
        query = "DELETE FROM sessions WHERE key IN (SELECT key FROM sessions WHERE created_at <= ? LIMIT ?)"
        return await self._in_batches(lambda db: db.execute(query, (moment, BATCH)).rowcount)

    async def count(self) -> int:
        query = "SELECT count(*) FROM sessions WHERE expires_at > ?"
        counted: int = await self._run(lambda db: db.execute(query, (time.time(),)).fetchone()[0])
        return counted

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        query = (
            f"SELECT key, {_COLUMNS} FROM sessions WHERE key > ? AND expires_at > ?"  # noqa: S608
            " ORDER BY key LIMIT ?"
        )
        last = ""
        while True:
            values = (last, time.time(), PAGE)
            rows = await self._run(lambda db, values=values: db.execute(query, values).fetchall())  # type: ignore[misc]
            for key, *row in rows:
                yield key, Record(*row)
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    async def _in_batches(self, delete_some: Callable[[sqlite3.Connection], int]) -> int:
        deleted = 0
        while True:
            batch = await self._run(delete_some)
            deleted += batch
            if batch < BATCH:
                return deleted

    async def close(self) -> None:
        def work() -> None:
            while True:
                try:
                    self._idle.get_nowait().close()
                except Empty:
                    return

        await anyio.to_thread.run_sync(work)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def in_thread() -> T:
            with self._connection() as db:
                return work(db)

        try:
            limiter = _threads.get()
        except LookupError:
            limiter = CapacityLimiter(4)
            _threads.set(limiter)
        # Not abandoned on cancellation: a connection must come back to the pool in a known state.
        return await anyio.to_thread.run_sync(in_thread, limiter=limiter)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        db: sqlite3.Connection | None = None
        try:
            try:
                db = self._idle.get_nowait()
            except Empty:
                db = self._connect()
            yield db
        except sqlite3.Error as fault:
            if db is not None:
                db.close()
            # SQLite's own messages speak of files and tables; they quote no values.
            raise StoreUnavailable(f"SQLite: {fault}") from fault
        except BaseException:
            if db is not None:
                db.close()
            raise
        self._idle.put(db)

    def _connect(self) -> sqlite3.Connection:
        if self.makes_storage:
            make_private(self._path)
        db = sqlite3.connect(
            f"{Path(self._path).absolute().as_uri()}?mode={'rwc' if self.makes_storage else 'rw'}",
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=16,
        )
        try:
            # Each statement is its own transaction: a reader that turns writer could never get SQLITE_BUSY.
            if self.makes_storage:
                _use_wal(db)
                db.executescript(_SCHEMA)
            db.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            db.close()
            raise
        return db


def _use_wal(db: sqlite3.Connection) -> None:
    """Turn the write-ahead log on. For the lock that the first one needs SQLite itself does not wait."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
