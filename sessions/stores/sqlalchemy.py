"""Sessions in whatever database an app already reaches through SQLAlchemy's async engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from math import inf
from random import random
from typing import Any, Final, TypeVar

try:
    from sqlalchemy import (
        BigInteger,
        Column,
        Double,
        Index,
        LargeBinary,
        MetaData,
        String,
        Table,
        Text,
        case,
        delete,
        exc,
        func,
        insert,
        inspect,
        or_,
        select,
        true,
        update,
    )
    from sqlalchemy.dialects import mysql
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
except ModuleNotFoundError:
    raise ImportError('SQLAlchemyStore needs SQLAlchemy 2: pip install "sessions[sqlalchemy]"') from None

from sessions._record import Record
from sessions.errors import StoreUnavailable
from sessions.stores.base import MAX_BYTES, Store, checked_size
from sessions.stores.files import make_private
from sessions.stores.loops import PerLoop

T = TypeVar("T")

TIMEOUT: Final = 10.0
"""Seconds that a call may take, with the wait for a free connection."""

BATCH: Final = 500
"""Records that one statement removes, so that none of them holds locks for long."""

PAGE: Final = 200
"""Records that one statement reads of all: each may be large."""

COUNTED: Final = 20_000
"""Records that one statement counts, so that none of them takes longer than a call may."""

MAX_TRIES: Final = 5
"""Of a transaction that the database gave up in favour of another one."""

_MARIADB: Final = ("mysql", "mariadb")


def sessions_table(metadata: MetaData, name: str = "sessions") -> Table:
    """The table, for an app whose migrations make it: put it into the metadata that Alembic looks at.

    `name` may be `schema.name`. Give the table to the store: `SQLAlchemyStore(engine, table=table)`.
    """
    schema, _, name = name.rpartition(".")
    table = Table(
        name,
        metadata,
        # MariaDB and MySQL compare texts by collations, to which "a", "A" and "a " may be one. Not so bytes.
        Column("key", String(64).with_variant(mysql.VARBINARY(64), *_MARIADB), primary_key=True),
        Column("payload", LargeBinary().with_variant(mysql.LONGBLOB(), *_MARIADB), nullable=False),
        Column("created_at", Double(), nullable=False),
        # NULL is never: not every database has an infinity.
        Column("expires_at", Double(), nullable=True),
        Column("version", BigInteger(), nullable=False),
        Column("owner", Text().with_variant(mysql.BLOB(), *_MARIADB), nullable=True),
        schema=schema or None,
    )
    Index(f"ix_{name}_expires_at", table.c.expires_at)
    # Owners may be long: MariaDB indexes their beginning, PostgreSQL a hash.
    lengths: dict[str, Any] = {f"{dialect}_length": {"owner": 255} for dialect in _MARIADB}
    Index(f"ix_{name}_owner", table.c.owner, postgresql_using="hash", **lengths)
    return table


class SQLAlchemyStore(Store):
    """One row per session, in the database of an app's own engine. Needs asyncio.

    Tested on MariaDB (asyncmy) and SQLite (aiosqlite); only standard SQL is used, in transactions of one
    statement. Make the engine with `pool_pre_ping=True`, so that a connection which the database
    has closed in the meantime is noticed before a write is sent over it.
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
        """
        self.max_bytes = checked_size(max_bytes)
        self._given: AsyncEngine | None = None
        if isinstance(engine, str):
            url = engine
            self._own = PerLoop(lambda: _make_engine(url))
            dialect = _make_engine(url).dialect.name  # raises early what is wrong with the URL
        elif isinstance(engine, AsyncEngine):
            self._given = engine
            dialect = engine.dialect.name
        else:
            raise TypeError(
                f"SQLAlchemyStore takes an AsyncEngine or a URL, not {type(engine).__module__}."
                f"{type(engine).__qualname__}"
            )
        self._table = sessions_table(MetaData(), table) if isinstance(table, str) else table
        self.makes_storage = create
        self._has_table = False
        self._opening = PerLoop(asyncio.Lock)
        self._unfinished: PerLoop[set[asyncio.Task[Any]]] = PerLoop(set)
        self._as_bytes = dialect in _MARIADB

    async def create(self, key: str, record: Record) -> bool:
        # Insert first: MariaDB would lock the gap of a record that is looked for and missing, and two
        # requests that each create a session would deadlock.
        new = insert(self._table).values(key=self._text(key), **self._values(record))
        instead = update(self._table).where(self._is(key), self._expired()).values(**self._values(record))

        async def add(connection: AsyncConnection) -> bool:
            return bool((await connection.execute(new)).rowcount == 1)

        async def take_the_place(connection: AsyncConnection) -> bool:
            return (await connection.execute(instead)).rowcount == 1

        for _ in range(2):  # twice, as a purge may remove in between what stands in the way
            try:
                return await self._run(add)
            except _KeyTaken:
                if await self._run(take_the_place):
                    return True
        return False

    async def load(self, key: str) -> Record | None:
        if "\0" in key:  # no text to some databases
            return None
        rows = await self._rows(self._is(key))
        return rows[0][1] if rows else None

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        if "\0" in key:
            return False
        change = (
            update(self._table)
            .where(self._is(key), self._table.c.version == expected, self._alive())
            .values(**self._values(record))
        )

        async def work(connection: AsyncConnection) -> bool:
            return (await connection.execute(change)).rowcount == 1

        return await self._run(work)

    async def delete(self, key: str) -> None:
        if "\0" in key:
            return

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(self._table).where(self._is(key)))

        await self._run(work)

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        if "\0" in owner:
            return []
        return await self._rows(self._table.c.owner == self._text(owner))

    async def purge(self) -> int:
        key = self._table.c.key
        some = select(key).where(self._expired()).order_by(self._table.c.expires_at).limit(BATCH)

        async def work(connection: AsyncConnection) -> tuple[int, int]:
            keys = (await connection.execute(some)).scalars().all()
            if not keys:
                return 0, 0
            # Once more whether it has expired: another process may have put something in its place.
            done = await connection.execute(delete(self._table).where(key.in_(keys), self._expired()))
            return len(keys), done.rowcount

        purged, found = 0, BATCH
        while found == BATCH:
            found, removed = await self._run(work)
            purged += removed
        return purged

    async def delete_older(self, moment: float) -> int:
        columns = self._table.c
        older = true() if moment == inf else columns.created_at <= moment
        deleted, last = 0, self._text("")

        async def work(connection: AsyncConnection) -> tuple[list[Any], int]:
            some = select(columns.key).where(older, columns.key > last).order_by(columns.key).limit(BATCH)
            keys = list((await connection.execute(some)).scalars().all())
            if not keys:
                return [], 0
            # A key is never used twice and its record never gets younger: these are still the ones.
            return keys, (await connection.execute(delete(self._table).where(columns.key.in_(keys)))).rowcount

        while True:
            keys, gone = await self._run(work)
            if not keys:
                return deleted
            deleted, last = deleted + gone, keys[-1]

    async def count(self) -> int:
        columns = self._table.c
        counted, last = 0, self._text("")

        async def work(connection: AsyncConnection) -> Any:
            some = (
                select(columns.key, columns.expires_at)
                .where(columns.key > last)
                .order_by(columns.key)
                .limit(COUNTED)
                .subquery()
            )
            alive = or_(some.c.expires_at.is_(None), some.c.expires_at > time.time())
            page = select(func.max(some.c.key), func.sum(case((alive, 1), else_=0)))
            return (await connection.execute(page)).one()

        while True:
            found, alive = await self._run(work, reads=True)
            if found is None:
                return counted
            counted, last = counted + int(alive), found

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        last = ""
        while True:
            rows = await self._rows(self._table.c.key > self._text(last), page=PAGE)
            for key, record in rows:
                yield key, record
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    async def close(self) -> None:
        if unfinished := self._unfinished.pop():
            await asyncio.wait(unfinished)
        if self._given is None and (engine := self._own.pop()) is not None:
            await engine.dispose()

    def _is(self, key: str) -> Any:
        return self._table.c.key == self._text(key)

    def _alive(self) -> Any:
        return or_(self._table.c.expires_at.is_(None), self._table.c.expires_at > time.time())

    def _expired(self) -> Any:
        return self._table.c.expires_at <= time.time()

    def _values(self, record: Record) -> dict[str, Any]:
        if record.owner is not None and "\0" in record.owner:
            raise ValueError("some databases keep no text with a NUL character, so it cannot be in an owner")
        return {
            "payload": record.payload,
            "created_at": record.created_at,
            "expires_at": None if record.expires_at == inf else record.expires_at,
            "version": record.version,
            "owner": None if record.owner is None else self._text(record.owner),
        }

    def _text(self, text: str) -> str | bytes:
        return text.encode() if self._as_bytes else text

    async def _rows(self, condition: Any, *, page: int | None = None) -> list[tuple[str, Record]]:
        """Living ones that fulfil the condition. With `page` at most so many, in the order of their keys."""
        columns = self._table.c
        query = select(
            columns.key,
            columns.payload,
            columns.created_at,
            columns.expires_at,
            columns.version,
            columns.owner,
        ).where(condition, self._alive())
        if page is not None:
            query = query.order_by(columns.key).limit(page)

        async def work(connection: AsyncConnection) -> Any:
            return (await connection.execute(query)).all()

        return [(_str(key), _record(*fields)) for key, *fields in await self._run(work, reads=True)]

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[T]], *, reads: bool = False) -> T:
        """Do it in a transaction, whatever becomes of the request: a driver that is interrupted in the middle
        of a statement may leave its connection in any state."""
        task = asyncio.create_task(self._in_time(work, reads))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            unfinished = self._unfinished.get()
            unfinished.add(task)
            task.add_done_callback(unfinished.discard)
            task.add_done_callback(_forget)
            raise

    async def _in_time(self, work: Callable[[AsyncConnection], Awaitable[T]], reads: bool) -> T:
        engine = self._own.get() if self._given is None else self._given
        try:
            async with asyncio.timeout(TIMEOUT):
                if self.makes_storage and not self._has_table:
                    await self._make_table(engine)
                return await _transaction(engine, work, reads)
        except exc.IntegrityError as fault:
            raise _KeyTaken(f"the database: {type(fault).__name__}") from None
        except _AWAY as fault:
            # Without the cause, which shows the statement with its values.
            raise StoreUnavailable(f"the database: {_told(fault)}") from None

    async def _make_table(self, engine: AsyncEngine) -> None:
        async with self._opening.get():
            if self._has_table:
                return
            file = engine.url.database if engine.dialect.name == "sqlite" else None
            if self._given is None and file and file != ":memory:":
                make_private(file)
            try:
                async with engine.begin() as connection:
                    await connection.run_sync(self._table.create, checkfirst=True)
            except exc.DBAPIError:
                # Another process may have made it at the same moment.
                async with engine.connect() as connection:
                    if not await connection.run_sync(self._exists):
                        raise
            self._has_table = True

    def _exists(self, connection: Any) -> bool:
        return bool(inspect(connection).has_table(self._table.name, schema=self._table.schema))


class _KeyTaken(StoreUnavailable):
    """A statement that a constraint of the table refused: the key is there already."""


_AWAY: Final = (exc.DBAPIError, exc.TimeoutError, OSError, TimeoutError)

_GAVE_WAY: Final = frozenset({1020, 1213, "40001", "40P01"})
"""MariaDB's and MySQL's numbers and the standard's codes for a transaction that was rolled back, because it
was in a deadlock or could not be put in order with others. Nothing of it was done; it may be tried again."""


async def _transaction(
    engine: AsyncEngine, work: Callable[[AsyncConnection], Awaitable[T]], reads: bool
) -> T:
    attempt = 1
    while True:
        try:
            async with engine.begin() as connection:
                return await work(connection)
        except exc.DBAPIError as fault:
            # What only reads may also be repeated when the connection turns out to be lost.
            stale = reads and fault.connection_invalidated and attempt == 1
            if attempt == MAX_TRIES or not (stale or _gave_way(fault)):
                raise
        await asyncio.sleep(random() * 0.01 * attempt)  # noqa: S311 (no secret)
        attempt += 1


def _gave_way(fault: exc.DBAPIError) -> bool:
    arguments: tuple[Any, ...] = getattr(fault.orig, "args", ())
    codes = (getattr(fault.orig, "sqlstate", None), arguments[0] if arguments else None)
    return any(isinstance(code, int | str) and code in _GAVE_WAY for code in codes)


def _forget(task: asyncio.Task[Any]) -> None:
    """Whoever waited for it is gone; its fault is nobody's concern any more."""
    if not task.cancelled():
        task.exception()


def _told(fault: BaseException) -> str:
    """What the driver says about a connection. What a database says about a value may quote it, so of that
    only the kind of the error is passed on, and its number."""
    cause = fault.orig if isinstance(fault, exc.DBAPIError) and fault.orig else fault
    # PostgreSQL quotes values in the lines after the first one, asyncpg in what it says of an argument.
    text = str(cause).partition("\n")[0]
    number = cause.args[0] if cause.args else None
    if isinstance(number, int) and number not in _CLIENT_ERRORS and not isinstance(cause, OSError):
        text = str(number)
    elif isinstance(fault, exc.DataError) or "query argument" in text:
        text = ""
    return f"{type(cause).__name__}: {text}".removesuffix(": ")


_CLIENT_ERRORS: Final = range(2000, 3000)
"""Numbers of errors that MariaDB's and MySQL's clients find themselves, such as a connection that is lost."""


def _make_engine(url: str) -> AsyncEngine:
    try:
        return create_async_engine(url, hide_parameters=True, pool_pre_ping=True)
    except (exc.ArgumentError, exc.InvalidRequestError, ValueError):  # which may quote the password
        raise ValueError(
            "a database store's URL is one of SQLAlchemy's that names an asynchronous driver, as"
            " mariadb+asyncmy://user:password@host/database"
        ) from None


def _record(payload: Any, created_at: Any, expires_at: Any, version: Any, owner: Any) -> Record:
    return Record(
        bytes(payload),
        float(created_at),
        inf if expires_at is None else float(expires_at),
        int(version),
        None if owner is None else _str(owner),
    )


def _str(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else value
