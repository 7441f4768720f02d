"""Runs the statements of `SQLAlchemyStore` on an engine: in time, and again if they gave way to others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import random
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Engine, Table, event, exc, inspect, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from sessions._hidden import Hidden
from sessions.stores.files import make_private
from sessions.stores.loops import PerLoop
from sessions.stores.sqlalchemy._faults import (
    gave_way,
    has_no_table,
    is_connection_in_doubt,
    is_misuse,
    misused,
    unavailable,
)
from sessions.stores.sqlalchemy._ways import OnAsyncpg, ThroughSQLAlchemy, Values, Way

T = TypeVar("T")

TIMEOUT: Final = 10.0
"""Seconds that a call may take, with the wait for a free connection."""

MAX_CONNECTIONS: Final = 10
"""In engines that we make, for each process. All of them stay open: to open one takes longer than twenty
statements."""

MAX_TRIES: Final = 20
"""Of a statement that the database gave up in favour of another one."""

IDLE: Final = 1.0
"""Seconds after which a connection is asked whether it still works, in engines that we make."""


class _Engine(Hidden, msgspec.Struct, frozen=True):
    engine: Engine
    turns: asyncio.Semaphore
    """As many as connections. SQLAlchemy's pool has a slower way to wait."""


class Database:
    """An engine of the app's, or one of our own for each event loop."""

    def __init__(self, engine: AsyncEngine | str, table: Table, *, makes_table: Callable[[], bool]) -> None:
        """Raises `TypeError` for what is no engine, `ValueError` for a URL that is none of SQLAlchemy's."""
        self._given: Engine | None = None
        if isinstance(engine, str):
            url = engine
            self._own = PerLoop(lambda: _Engine(_make_engine(url), asyncio.Semaphore(MAX_CONNECTIONS)))
            dialect = _make_engine(url).dialect  # raises early what is wrong with the URL
        elif isinstance(engine, AsyncEngine):
            dialect = engine.dialect
            self._given = engine.sync_engine
            if dialect.name == "postgresql":  # whose drivers need not ask the server for it
                self._given = self._given.execution_options(isolation_level="AUTOCOMMIT")
        else:
            raise TypeError(
                f"SQLAlchemyStore takes an AsyncEngine or a URL, not {type(engine).__module__}."
                f"{type(engine).__qualname__}"
            )
        self.dialect = dialect.name
        in_transactions = self._given is not None and dialect.name != "postgresql"
        self._usual: Way = ThroughSQLAlchemy(in_transactions=in_transactions)
        self._way: Way = OnAsyncpg() if dialect.driver == "asyncpg" else self._usual
        self._makes_table = makes_table
        self._table = table
        self._has_table = False
        self._making = PerLoop(asyncio.Lock)
        self._unfinished: PerLoop[set[asyncio.Task[Any]]] = PerLoop(set)

    async def read(self, statement: Any, values: Values) -> Any:
        """The rows. Raises `StoreUnavailable`."""
        read = self._way.read
        return await self._run(lambda engine: read(engine, statement, values), reads=True)

    async def write(self, statement: Any, values: Values) -> int:
        """How many rows it wrote. Raises `StoreUnavailable`, and `KeyTaken` if a row has that key."""
        write = self._way.write
        return await self._run(lambda engine: write(engine, statement, values))

    async def write_to_many(self, statement: Any, values: Values) -> int:
        """The same, with a list among the values."""
        write = self._usual.write
        return await self._run(lambda engine: write(engine, statement, values))

    async def close(self) -> None:
        if unfinished := self._unfinished.pop():
            await asyncio.wait(unfinished)
        if self._given is None and (own := self._own.pop()) is not None:
            await greenlet_spawn(own.engine.dispose)

    async def _run(self, work: Callable[[Engine], T], *, reads: bool = False) -> T:
        """It goes on if the caller is cancelled: a driver that is interrupted in the middle of a statement
        may leave its connection in any state."""
        task = asyncio.create_task(self._in_time(work, reads))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            unfinished = self._unfinished.get()
            unfinished.add(task)
            task.add_done_callback(unfinished.discard)
            task.add_done_callback(_forget)
            raise

    async def _in_time(self, work: Callable[[Engine], T], reads: bool) -> T:
        try:
            async with asyncio.timeout(TIMEOUT):
                if self._given is not None:
                    return await self._tried(self._given, work, reads)
                own = self._own.get()
                async with own.turns:
                    return await self._tried(own.engine, work, reads)
        except Exception as fault:
            if is_misuse(fault):
                raise misused(fault) from None
            if has_no_table(fault):
                self._has_table = False  # somebody dropped it; the next call makes it again
            # Without the cause, which shows the statement with its values.
            raise unavailable(fault) from None

    async def _tried(self, engine: Engine, work: Callable[[Engine], T], reads: bool) -> T:
        if not self._has_table and self._makes_table():
            await self._make_table(engine)
        tries = 1
        while True:
            try:
                return await greenlet_spawn(work, engine)
            except Exception as fault:
                # What only reads may also be repeated when the connection turns out to be lost.
                stale = reads and tries == 1 and is_connection_in_doubt(fault)
                if tries == MAX_TRIES or not (stale or gave_way(fault)):
                    raise
            await asyncio.sleep(random() * 0.01 * tries)  # noqa: S311 (no secret)
            tries += 1

    async def _make_table(self, engine: Engine) -> None:
        async with self._making.get():
            if self._has_table:
                return
            file = engine.url.database if self.dialect == "sqlite" else None
            if self._given is None and file and file != ":memory:":
                make_private(file)
            await greenlet_spawn(_make_table, engine, self._table)
            self._has_table = True


def _make_table(engine: Engine, table: Table) -> None:
    def exists() -> bool:
        with engine.connect() as connection:
            return inspect(connection).has_table(table.name, schema=table.schema)

    if engine.dialect.name == "postgresql":  # the table with its indexes, or nothing
        engine = engine.execution_options(isolation_level="READ COMMITTED")
    try:
        with engine.begin() as connection:
            table.create(connection, checkfirst=True)
    except exc.DBAPIError:
        if not exists():  # another process may have made it at the same moment
            raise


def _make_engine(url: str) -> Engine:
    try:
        engine = create_async_engine(
            url,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,  # no transaction is left behind
            **_pool_size(url),
        ).sync_engine
    except (exc.ArgumentError, exc.InvalidRequestError, ValueError):  # which may quote the password
        raise ValueError(
            "a database store's URL is one of SQLAlchemy's that names an asynchronous driver, as"
            " mariadb+asyncmy://user:password@host/database"
        ) from None
    if engine.dialect.driver != "asyncpg":  # which notices by itself when a connection is closed
        _ask_idle_connections(engine)
    return engine


def _pool_size(url: str) -> dict[str, Any]:
    """A database in memory has one connection and no pool."""
    there = make_url(url)
    if there.get_backend_name() == "sqlite" and there.database in (None, "", ":memory:"):
        return {}
    return {"pool_size": MAX_CONNECTIONS, "max_overflow": 0}


def _ask_idle_connections(engine: Engine) -> None:
    """Notice a connection that the database has closed in the meantime, before a write is sent over it.

    `pool_pre_ping` asks before each statement, which costs as much as the statement.
    """

    def checkout(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("used", 0.0) > IDLE:
            try:
                engine.dialect.do_ping(connection)
            except Exception:
                raise exc.DisconnectionError from None

    def checkin(_: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    event.listen(engine, "checkout", checkout)
    event.listen(engine, "checkin", checkin)


def _forget(task: asyncio.Task[Any]) -> None:
    """Whoever waited for it is gone; its fault is nobody's concern any more."""
    if not task.cancelled():
        task.exception()
