"""Sessions in whatever database an app already reaches through SQLAlchemy's async engine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from math import inf
from typing import Any, Final

try:
    from sqlalchemy import MetaData, Table
    from sqlalchemy.ext.asyncio import AsyncEngine
except ModuleNotFoundError:
    raise ImportError('SQLAlchemyStore needs SQLAlchemy 2: pip install "sessions[sqlalchemy]"') from None

from sessions._record import Record
from sessions.stores.base import MAX_BYTES, Store, checked_size
from sessions.stores.sqlalchemy._engine import Database
from sessions.stores.sqlalchemy._faults import KeyTaken
from sessions.stores.sqlalchemy._table import Columns, Statements, record_of, sessions_table, text_of

__all__ = ["SQLAlchemyStore", "sessions_table"]

BATCH: Final = 500
"""Records that one statement removes, so that none of them holds locks for long."""

PAGE: Final = 200
"""Records that one statement reads of all: each may be large."""

COUNTED: Final = 20_000
"""Records that one statement counts, so that none of them takes longer than a call may."""


class SQLAlchemyStore(Store):
    """One row per session, in the database of an app's own engine. Needs asyncio.

    Tested on MariaDB (asyncmy), PostgreSQL (asyncpg) and SQLite (aiosqlite); only standard SQL is used, and
    each statement stands for itself. Make the engine with `pool_pre_ping=True`, so that a connection which
    the database has closed in the meantime is noticed before a write is sent over it.
    """

    def __init__(
        self,
        engine: AsyncEngine | str,
        *,
        table: str | Table = "sessions",
        create: bool = True,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """`engine` is the app's, or one of SQLAlchemy's URLs: `mariadb+asyncmy://user:password@host/database`.

        `table` is a name, or what `sessions_table` made. With `create` it is made on first use where it is
        missing. An engine that is given is never disposed of.

        Raises `TypeError` for what is no asynchronous engine, and `ValueError` for a URL that is none of
        SQLAlchemy's.
        """
        self.max_bytes = checked_size(max_bytes)
        its_table = sessions_table(MetaData(), table) if isinstance(table, str) else table
        self.makes_storage = create
        self._database = Database(engine, its_table, makes_table=lambda: self.makes_storage)
        self._sql = Statements(its_table)
        self._columns = Columns(self._database.dialect)

    async def create(self, key: str, record: Record) -> bool:
        # Insert first: MariaDB would lock the gap of a record that is looked for and missing, and two
        # requests that each create a session would deadlock.
        name, row = self._columns.text(key), self._columns.row(record)
        for _ in range(2):  # twice, as a purge may remove in between what stands in the way
            try:
                return await self._database.write(self._sql.add, {"key": name, **row}) == 1
            except KeyTaken:
                instead = {"the_key": name, "now": time.time(), **row}
                if await self._database.write(self._sql.take_the_place, instead) == 1:
                    return True
        return False

    async def load(self, key: str) -> Record | None:
        if "\0" in key:  # no text to some databases
            return None
        rows = await self._database.read(
            self._sql.load, {"the_key": self._columns.text(key), "now": time.time()}
        )
        return record_of(*rows[0]) if rows else None

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        if "\0" in key:
            return False
        values = {"the_key": self._columns.text(key), "expected": expected, "now": time.time()}
        values |= self._columns.row(record)
        return await self._database.write(self._sql.replace, values) == 1

    async def delete(self, key: str) -> None:
        if "\0" not in key:
            await self._database.write(self._sql.delete, {"the_key": self._columns.text(key)})

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        if "\0" in owner:
            return []
        rows = await self._database.read(
            self._sql.owned, {"the_owner": self._columns.text(owner), "now": time.time()}
        )
        return [(text_of(key), record_of(*fields)) for key, *fields in rows]

    async def purge(self) -> int:
        now = time.time()
        purged = 0
        while True:
            keys = await self._keys(self._sql.expired, now=now, limit=BATCH)
            if keys:
                purged += await self._database.write_to_many(
                    self._sql.delete_expired, {"some_keys": keys, "now": now}
                )
            if len(keys) < BATCH:
                return purged

    async def delete_older(self, moment: float) -> int:
        deleted, last = 0, self._columns.text("")
        while True:
            if moment == inf:
                keys = await self._keys(self._sql.all, last=last, limit=BATCH)
            else:
                keys = await self._keys(self._sql.older, last=last, limit=BATCH, moment=moment)
            if not keys:
                return deleted
            deleted += await self._database.write_to_many(self._sql.delete_some, {"some_keys": keys})
            last = keys[-1]

    async def count(self) -> int:
        counted, last = 0, self._columns.text("")
        while True:
            values = {"last": last, "now": time.time(), "limit": COUNTED}
            ((found, alive),) = await self._database.read(self._sql.count, values)
            if found is None:
                return counted
            counted, last = counted + int(alive), found

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        last = ""
        while True:
            values = {"last": self._columns.text(last), "now": time.time(), "limit": PAGE}
            rows = await self._database.read(self._sql.scan, values)
            for key, *fields in rows:
                yield text_of(key), record_of(*fields)
            if len(rows) < PAGE:
                return
            last = text_of(rows[-1][0])

    async def close(self) -> None:
        await self._database.close()

    async def _keys(self, statement: Any, **values: Any) -> list[Any]:
        return [key for (key,) in await self._database.read(statement, values)]
