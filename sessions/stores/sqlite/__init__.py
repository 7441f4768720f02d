"""Sessions in one SQLite file, shared by any number of processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, TypeVar

import anyio.to_thread

from sessions._record import Record
from sessions.stores.base import MAX_BYTES, Store, checked_size
from sessions.stores.sqlite._file import DatabaseFile
from sessions.stores.sqlite._reads import Reads
from sessions.stores.sqlite._writes import Writes

T = TypeVar("T")

BATCH: Final = 200
"""Records that one statement removes, so that no request waits for a long one."""

PAGE: Final = 200
"""Records that one statement reads of all: each may be large."""

_COLUMNS: Final = "payload, created_at, expires_at, version, owner"
"""In the order of `Record`'s fields."""

_LOAD: Final = f"SELECT {_COLUMNS} FROM sessions WHERE key = ? AND expires_at > ?"  # noqa: S608

# Takes the place of an expired record, too.
_CREATE: Final = """
    INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET payload = excluded.payload, created_at = excluded.created_at,
        expires_at = excluded.expires_at, version = excluded.version, owner = excluded.owner
    WHERE sessions.expires_at <= ?
"""

# Most writes change neither times nor owner. Then no index is written either.
_REPLACE_CONTENT: Final = """
    UPDATE sessions SET payload = ?1, version = ?4
    WHERE key = ?6 AND version = ?7 AND expires_at > ?8
        AND expires_at = ?3 AND created_at = ?2 AND owner IS ?5
"""
_REPLACE: Final = """
    UPDATE sessions SET payload = ?1, created_at = ?2, expires_at = ?3, version = ?4, owner = ?5
    WHERE key = ?6 AND version = ?7 AND expires_at > ?8
"""


class SQLiteStore(Store):
    """The standard library's SQLite, in write-ahead-log mode.

    A record is read in the event loop, unless the disk is slow; all else is done in threads. Readers wait
    for no writer.

    A change that was acknowledged survives a killed process; only the machine itself going down can take
    the last moments with it (`synchronous=NORMAL`), and never leaves a broken file.

    The file must be on a local disk: the write-ahead log does not work over network file systems.

    The time of day is read where a method is called and not in its thread: freezegun freezes no clock there.
    """

    def __init__(self, path: str | Path, *, max_bytes: int = MAX_BYTES) -> None:
        """`path` is a file, made when missing; its folder must exist. A relative one counts from the folder
        that is the current one now, whatever that is later.

        Only its owner may read a file that is made (mode 600). A file that exists keeps its mode, so who
        wants a group to share one makes it empty beforehand.

        Raises `TypeError` for what is no path, and `ValueError` for an empty one, for one with a NUL
        character, and for `:memory:`.
        """
        self.max_bytes = checked_size(max_bytes)
        if not isinstance(path, str | Path):
            raise TypeError(f"path is text or a Path, not {type(path).__name__}")
        if str(path) in ("", ":memory:"):
            raise ValueError("SQLiteStore needs a file; MemoryStore keeps sessions in memory")
        if "\0" in str(path):
            raise ValueError("path has a NUL character, which no file can have in its name")
        file = DatabaseFile(os.path.abspath(path))
        self._file, self._reads, self._writes = file, Reads(file), Writes(file)

    async def create(self, key: str, record: Record) -> bool:
        values = (key, record.payload, record.created_at, record.expires_at, record.version, record.owner)
        now = time.time()
        return await self._write(lambda db: db.execute(_CREATE, (*values, now)).rowcount == 1)

    async def load(self, key: str) -> Record | None:
        values = (key, time.time())
        rows = self._reads.at_once(_LOAD, values)
        if rows is None:
            rows = await self._read(lambda db: db.execute(_LOAD, values).fetchall())
        return Record(*rows[0]) if rows else None

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        values = (
            record.payload,
            record.created_at,
            record.expires_at,
            record.version,
            record.owner,
            key,
            expected,
            time.time(),
        )

        def work(db: sqlite3.Connection) -> bool:
            return db.execute(_REPLACE_CONTENT, values).rowcount == 1 or (
                db.execute(_REPLACE, values).rowcount == 1
            )

        return await self._write(work)

    async def delete(self, key: str) -> None:
        await self._write(lambda db: db.execute("DELETE FROM sessions WHERE key = ?", (key,)))

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        query = f"SELECT key, {_COLUMNS} FROM sessions WHERE owner = ? AND expires_at > ?"  # noqa: S608
        now = time.time()
        rows = await self._read(lambda db: db.execute(query, (owner, now)).fetchall())
        return [(key, Record(*row)) for key, *row in rows]

    async def purge(self) -> int:
        query = (
            "DELETE FROM sessions WHERE key IN"
            " (SELECT key FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)"
        )
        now = time.time()
        return await self._in_batches(lambda db: db.execute(query, (now, BATCH)).rowcount)

    async def delete_older(self, moment: float) -> int:
        query = "DELETE FROM sessions WHERE key IN (SELECT key FROM sessions WHERE created_at <= ? LIMIT ?)"
        return await self._in_batches(lambda db: db.execute(query, (moment, BATCH)).rowcount)

    async def count(self) -> int:
        query = "SELECT count(*) FROM sessions WHERE expires_at > ?"
        counted: int = await self._read(lambda db: db.execute(query, (time.time(),)).fetchone()[0])
        return counted

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        query = (
            f"SELECT key, {_COLUMNS} FROM sessions WHERE key > ? AND expires_at > ?"  # noqa: S608
            " ORDER BY key LIMIT ?"
        )
        last = ""
        while True:
            values = (last, time.time(), PAGE)
            rows = await self._read(lambda db, values=values: db.execute(query, values).fetchall())  # type: ignore[misc]
            for key, *row in rows:
                yield key, Record(*row)
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    async def _in_batches(self, delete_some: Callable[[sqlite3.Connection], int]) -> int:
        deleted = 0
        while True:
            batch = await self._write(delete_some)
            deleted += batch
            if batch < BATCH:
                return deleted

    async def close(self) -> None:
        def work() -> None:
            self._writes.close()
            self._file.close()

        await anyio.to_thread.run_sync(work)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._reads.in_thread(work, makes_storage=self.makes_storage)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._writes.do(work, makes_storage=self.makes_storage)
