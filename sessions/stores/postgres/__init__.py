"""Sessions in PostgreSQL, shared by any number of machines."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from random import random
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

try:
    import asyncpg
except ModuleNotFoundError:
    raise ImportError('PostgresStore needs asyncpg: pip install "sessions[postgres]"') from None

from sessions._record import Record
from sessions.stores.base import MAX_BYTES, Store, checked_size
from sessions.stores.loops import PerLoop
from sessions.stores.postgres._faults import gave_way, is_connection_in_doubt, is_misuse, misused, unavailable
from sessions.stores.postgres._pool import URL, OwnPool

if TYPE_CHECKING:
    from sessions.stores.postgres._pool import Pool

TIMEOUT: Final = 5.0
"""Seconds that a call may take, with the wait for a free connection."""

MAX_TRIES: Final = 20
"""Of a statement that the server gave up in favour of another one."""

BATCH: Final = 1000
"""Records that one statement removes, so that none of them holds locks for long."""


PAGE: Final = 200
"""Records that one statement reads of all: each may be large."""

COUNTED: Final = 20_000
"""Records that one statement counts, so that none of them takes longer than a call may."""


class _Statements:
    """The SQL on one table. Its name was checked; all values are parameters."""

    def __init__(self, table: str) -> None:
        columns = "payload, created_at, expires_at, version, owner"
        self.create = (
            f"INSERT INTO {table} AS old (key, {columns}) VALUES ($1, $2, $3, $4, $5, $6)"  # noqa: S608
            " ON CONFLICT (key) DO UPDATE SET payload = $2, created_at = $3, expires_at = $4, version = $5,"
            " owner = $6 WHERE old.expires_at <= $7"
        )
        self.load = f"SELECT {columns} FROM {table} WHERE key = $1 AND expires_at > $2"  # noqa: S608
        self.replace = (
            f"UPDATE {table} SET payload = $2, created_at = $3, expires_at = $4, version = $5,"  # noqa: S608
            " owner = $6 WHERE key = $1 AND version = $7 AND expires_at > $8"
        )
        self.delete = f"DELETE FROM {table} WHERE key = $1"  # noqa: S608
        self.owned = f"SELECT key, {columns} FROM {table} WHERE owner = $1 AND expires_at > $2"  # noqa: S608
        self.scan = (
            f"SELECT key, {columns} FROM {table} WHERE key > $1 AND expires_at > $2"  # noqa: S608
            " ORDER BY key LIMIT $3"
        )
        self.count = (
            f"WITH page AS (SELECT key, expires_at FROM {table} WHERE key > $1 ORDER BY key LIMIT $3)"  # noqa: S608
            " SELECT max(key), count(*) FILTER (WHERE expires_at > $2) FROM page"
        )
        # Rows that another process is just removing, or prolonging, are left to it. An array, because the
        # planner may evaluate a subquery with a limit more than once.
        self.purge = (
            f"DELETE FROM {table} WHERE key = ANY(ARRAY(SELECT key FROM {table}"  # noqa: S608
            " WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
        )
        # From key to key: rows that were just deleted would be passed again by each statement.
        self.delete_older = (
            f"WITH page AS (SELECT key FROM {table} WHERE created_at <= $1 AND key > $2"  # noqa: S608
            f" ORDER BY key LIMIT $3), gone AS (DELETE FROM {table} WHERE key = ANY(ARRAY("
            "SELECT key FROM page)) RETURNING key)"
            " SELECT (SELECT max(key) FROM page), (SELECT count(*) FROM gone)"
        )


class PostgresStore(Store):
    """One row per session in a table that is made on first use. Needs asyncio and asyncpg.

    Each call is a single statement outside of any transaction block, which is what PgBouncer needs in
    transaction mode. A pool that the store makes finds out whether statements can stay prepared: directly at
    the server, and behind PgBouncer from 1.21 on with `max_prepared_statements`. A pool of yours behind
    another one needs `statement_cache_size=0`.
    """

    def __init__(
        self, pool: Pool | Callable[[], Pool] | str, *, table: str = "sessions", max_bytes: int = MAX_BYTES
    ) -> None:
        """`pool` is a URL: `postgresql://user:password@host:5432/database`, one of asyncpg's pools, or, as
        those are only made when an event loop runs, a function that returns the app's pool at each use.

        A pool that is given is never closed. Give the store one of its own: if the app's requests hold
        connections of the same pool, they may all wait for each other at the commit, and those get a 503.
        `table` may name a schema, which must exist: `web.sessions`. Where the table exists nothing is
        made, and the right to use it suffices; `schema` is the SQL for a migration.

        Raises `ValueError` for a table's name that is not made of letters, digits and underscores.
        """
        if not re.fullmatch(r"(?:[A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,42}", table):
            raise ValueError(
                "a table's name is letters, digits and underscores, at most 43, with or without schema."
            )
        self.max_bytes = checked_size(max_bytes)
        # Quoted, so that neither a reserved word nor a capital letter is something else in it.
        self._table = ".".join(f'"{part}"' for part in table.split("."))
        self._index = table.rpartition(".")[2]
        self._given: Callable[[], Pool] | None = None
        if isinstance(pool, str):
            if not pool.startswith(("postgresql://", "postgres://")):
                raise ValueError(URL)
            url = pool
            self._own = PerLoop(lambda: OwnPool(url))
        elif isinstance(pool, asyncpg.Pool):
            self._given = lambda: pool
        elif callable(pool):
            self._given = pool
        else:
            raise TypeError(
                f"PostgresStore takes a pool of asyncpg's or a URL, not {type(pool).__module__}."
                f"{type(pool).__qualname__}"
            )
        self._making = PerLoop(asyncio.Lock)
        self._has_table = False
        self._sql = _Statements(self._table)

    @property
    def schema(self) -> str:
        """The SQL that makes the table and its indexes."""
        # Owners are found by a hash index, which takes texts of any length.
        return f"""
            CREATE TABLE IF NOT EXISTS {self._table} (
                key text COLLATE "C" PRIMARY KEY,
                payload bytea NOT NULL,
                created_at double precision NOT NULL,
                expires_at double precision NOT NULL,
                version bigint NOT NULL,
                owner text COLLATE "C"
            );
            CREATE INDEX IF NOT EXISTS "{self._index}_expires_at" ON {self._table} (expires_at);
            CREATE INDEX IF NOT EXISTS "{self._index}_owner" ON {self._table} USING hash (owner);
        """

    async def create(self, key: str, record: Record) -> bool:
        _check_owner(record)
        return await self._count(self._sql.create, key, *_values(record), time.time()) == 1

    async def load(self, key: str) -> Record | None:
        if "\0" in key:  # no text to PostgreSQL
            return None
        rows = await self._fetch(self._sql.load, key, time.time())
        return Record(*rows[0]) if rows else None

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        if "\0" in key:
            return False
        _check_owner(record)
        return await self._count(self._sql.replace, key, *_values(record), expected, time.time()) == 1

    async def delete(self, key: str) -> None:
        if "\0" not in key:
            await self._count(self._sql.delete, key)

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        if "\0" in owner:
            return []
        rows = await self._fetch(self._sql.owned, owner, time.time())
        return [(key, Record(*row)) for key, *row in rows]

    async def purge(self) -> int:
        purged = 0
        while True:
            batch = await self._count(self._sql.purge, time.time(), BATCH)
            purged += batch
            if batch < BATCH:
                return purged

    async def delete_older(self, moment: float) -> int:
        deleted, last = 0, ""
        while True:
            ((found, gone),) = await self._fetch(self._sql.delete_older, moment, last, BATCH)
            if found is None:
                return deleted
            deleted, last = deleted + gone, found

    async def count(self) -> int:
        counted, last = 0, ""
        while True:
            ((found, alive),) = await self._fetch(self._sql.count, last, time.time(), COUNTED)
            if found is None:
                return counted
            counted, last = counted + alive, found

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        last = ""
        while True:
            rows = await self._fetch(self._sql.scan, last, time.time(), PAGE)
            for key, *row in rows:
                yield key, Record(*row)
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    async def close(self) -> None:
        if self._given is None and (pool := self._own.pop()) is not None:
            await pool.close()

    async def _count(self, query: str, *values: Any) -> int:
        """How many rows a statement wrote; its last word, as in `INSERT 0 1`."""
        status: str = await self._run("execute", query, values)
        return int(status.rpartition(" ")[2])

    async def _fetch(self, query: str, *values: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._run("fetch", query, values)
        return rows

    async def _run(self, method: str, query: str, values: tuple[Any, ...]) -> Any:
        pool = self._given() if self._given is not None else await self._own.get().opened()
        tries = 1
        while True:
            try:
                # With the wait for a connection: an app that holds connections of the same pool during its
                # requests could wait for us while we wait for one.
                async with asyncio.timeout(TIMEOUT) as deadline:
                    return await self._once(pool, deadline, method, query, values)
            except Exception as fault:
                if is_misuse(fault):
                    raise misused(fault) from None
                if isinstance(fault, asyncpg.UndefinedTableError):
                    self._has_table = False  # somebody dropped it; the next call makes it again
                if tries == MAX_TRIES or not gave_way(fault):
                    # Without the cause: asyncpg's text may quote values, and its frames have passwords.
                    raise unavailable(fault) from None
            await asyncio.sleep(random() * 0.01 * tries)  # noqa: S311 (no secret)
            tries += 1

    async def _once(
        self, pool: Pool, deadline: asyncio.Timeout, method: str, query: str, values: tuple[Any, ...]
    ) -> Any:
        connection = await pool.acquire()
        try:
            if self.makes_storage and not self._has_table:
                await self._make_table(connection)
            return await getattr(connection, method)(query, *values)
        except asyncio.CancelledError:
            if deadline.expired():
                _terminate(connection)  # who does not answer does not answer a request to cancel either
            raise
        except Exception as fault:
            if is_connection_in_doubt(fault):
                _terminate(connection)
            raise
        finally:
            # A connection that cannot be given back is closed by asyncpg. What is known by now stays known.
            with suppress(Exception):
                await pool.release(connection, timeout=TIMEOUT)

    async def _make_table(self, connection: Any) -> None:
        async with self._making.get():
            if self._has_table:
                return
            if await connection.fetchval("SELECT to_regclass($1)::text", self._table) is None:
                # "IF NOT EXISTS" fails when two processes make one table at the same moment, so one waits
                # for the other; all of this is one transaction, which holds the lock until it ends.
                lock = crc32(b"sessions " + self._table.encode())
                await connection.execute(f"SELECT pg_advisory_xact_lock({lock}); {self.schema}")
            self._has_table = True


def _terminate(connection: Any) -> None:
    with suppress(asyncpg.InterfaceError):  # it is back in the pool
        connection.terminate()


def _values(record: Record) -> tuple[Any, ...]:
    return (record.payload, record.created_at, record.expires_at, record.version, record.owner)


def _check_owner(record: Record) -> None:
    if record.owner is not None and "\0" in record.owner:
        raise ValueError("PostgreSQL keeps no text with a NUL character, so it cannot be in an owner")
