"""Runs the work of `SQLAlchemyStore` on an engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import random
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Table, event, exc, inspect, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from sessions.stores.files import make_private
from sessions.stores.loops import PerLoop
from sessions.stores.sqlalchemy_faults import gave_way, is_lost, is_misuse, misses_table, unavailable

T = TypeVar("T")

TIMEOUT: Final = 10.0
"""Seconds that a call may take, with the wait for a free connection."""

MAX_CONNECTIONS: Final = 10
"""In engines that we make, for each process. All of them stay open: to open one takes longer than a hundred
statements."""

MAX_TRIES: Final = 20
"""Of a transaction that the database gave up in favour of another one."""

IDLE: Final = 1.0
"""Seconds after which a connection is asked whether it still works, in engines that we make."""


class Database:
    """An engine of the app's, or one of our own for each event loop."""

    def __init__(self, engine: AsyncEngine | str, table: Table, *, makes_table: bool) -> None:
        """Raises `TypeError` for what is no engine, `ValueError` for a URL that is none of SQLAlchemy's."""
        self._given: AsyncEngine | None = None
        if isinstance(engine, str):
            url = engine
            self._own = PerLoop(lambda: _make_engine(url))
            self.dialect = _make_engine(url).dialect.name  # raises early what is wrong with the URL
            self._in_transactions = False
        elif isinstance(engine, AsyncEngine):
            self._given = engine
            self.dialect = engine.dialect.name
            self._in_transactions = not _is_free_of_transactions(self.dialect)
            self._given_sync = engine.sync_engine
            if not self._in_transactions:
                self._given_sync = self._given_sync.execution_options(isolation_level="AUTOCOMMIT")
        else:
            raise TypeError(
                f"SQLAlchemyStore takes an AsyncEngine or a URL, not {type(engine).__module__}."
                f"{type(engine).__qualname__}"
            )
        self.makes_table = makes_table
        self._table = table
        self._has_table = False
        self._making = PerLoop(asyncio.Lock)
        self._unfinished: PerLoop[set[asyncio.Task[Any]]] = PerLoop(set)

    async def run(self, work: Callable[[Connection], T], *, reads: bool = False) -> T:
        """Do it in time, and again if it gave way to another transaction.

        It goes on if the caller is cancelled: a driver that is interrupted in the middle of a statement may
        leave its connection in any state.

        Raises `StoreUnavailable`, and `KeyTaken` if a row of that key is there.
        """
        task = asyncio.create_task(self._in_time(work, reads))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            unfinished = self._unfinished.get()
            unfinished.add(task)
            task.add_done_callback(unfinished.discard)
            task.add_done_callback(_forget)
            raise

    async def close(self) -> None:
        if unfinished := self._unfinished.pop():
            await asyncio.wait(unfinished)
        if self._given is None and (engine := self._own.pop()) is not None:
            await engine.dispose()

    async def _in_time(self, work: Callable[[Connection], T], reads: bool) -> T:
        engine = self._own.get().sync_engine if self._given is None else self._given_sync
        try:
            async with asyncio.timeout(TIMEOUT):
                if self.makes_table and not self._has_table:
                    await self._make_table(engine)
                return await self._tried(engine, work, reads)
        except Exception as fault:
            if is_misuse(fault):
                raise
            if misses_table(fault):
                self._has_table = False  # somebody dropped it; the next call makes it again
            # Without the cause, which shows the statement with its values.
            raise unavailable(fault) from None

    async def _tried(self, engine: Engine, work: Callable[[Connection], T], reads: bool) -> T:
        # One statement outside of a transaction is one round trip; with one around it there are three.
        begin = engine.begin if self._in_transactions else engine.connect

        def attempt() -> T:
            with begin() as connection:
                return work(connection)

        tries = 1
        while True:
            try:
                return await greenlet_spawn(attempt)
            except exc.DBAPIError as fault:
                # What only reads may also be repeated when the connection turns out to be lost.
                stale = reads and tries == 1 and is_lost(fault)
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

    if exists():  # asked first: who may only read a database may not make a table there
        return
    try:
        if engine.dialect.name == "postgresql":  # the table with its indexes, or nothing
            engine = engine.execution_options(isolation_level="READ COMMITTED")
        with engine.begin() as connection:
            table.create(connection, checkfirst=True)
    except exc.DBAPIError:
        if not exists():  # another process may have made it at the same moment
            raise


def _is_free_of_transactions(dialect: str) -> bool:
    """Whether a connection of the app's can be told to do without, at no question to the server."""
    return dialect == "postgresql"


def _make_engine(url: str) -> AsyncEngine:
    try:
        engine = create_async_engine(
            url,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,  # no transaction is left behind
            **_pool_size(url),
        )
    except (exc.ArgumentError, exc.InvalidRequestError, ValueError):  # which may quote the password
        raise ValueError(
            "a database store's URL is one of SQLAlchemy's that names an asynchronous driver, as"
            " mariadb+asyncmy://user:password@host/database"
        ) from None
    _ask_idle_connections(engine.sync_engine)
    return engine


def _pool_size(url: str) -> dict[str, Any]:
    """A database in memory has one connection and no pool."""
    there = make_url(url)
    if there.get_backend_name() == "sqlite" and there.database in (None, "", ":memory:"):
        return {}
    return {"pool_size": MAX_CONNECTIONS, "max_overflow": 0}


def _ask_idle_connections(engine: Engine) -> None:
    """Notice a connection that the database has closed in the meantime, before a write is sent over it.

    `pool_pre_ping` asks before each statement, which costs more than the statement.
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
