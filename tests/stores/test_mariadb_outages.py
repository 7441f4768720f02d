"""BAD-5: the outages of MariaDB end by themselves, with SQLAlchemyStore: `pytest -m mariadb`."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.to_thread
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services import MariaDB
from sessions import SQLAlchemyStore, Store, StoreUnavailable
from sessions.stores.sqlalchemy import _engine as sqlalchemy_engine
from sessions.testing.kit import a_key, a_record

from .visits import Visits, going_on

pytestmark = [pytest.mark.mariadb, pytest.mark.anyio, pytest.mark.promise("BAD-5")]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    """Of these tests alone, as they kill it and change its settings."""
    with MariaDB() as service:
        yield service


@pytest.fixture
def table() -> str:
    return f"t{secrets.token_hex(4)}"


@pytest.fixture(params=["its own engine", "the app's engine"])
async def store(
    request: pytest.FixtureRequest, server: MariaDB, table: str, anyio_backend: str
) -> AsyncIterator[Store]:
    engine = create_async_engine(server.url, pool_pre_ping=True)
    store = SQLAlchemyStore(server.url if request.param == "its own engine" else engine, table=table)
    yield store
    await store.close()
    await engine.dispose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlalchemy_engine, "TIMEOUT", 1.0)


@asynccontextmanager
async def administrator(server: MariaDB) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(server.url)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def tell(server: MariaDB, command: str) -> None:
    async with administrator(server) as connection:
        await connection.execute(text(command))


async def it_is_killed(server: MariaDB) -> None:
    await anyio.to_thread.run_sync(server.kill)
    await anyio.to_thread.run_sync(server.start)


async def it_restarts(server: MariaDB) -> None:
    await anyio.to_thread.run_sync(server.stop)
    await anyio.to_thread.run_sync(server.start)


async def all_connections_are_ended(server: MariaDB) -> None:
    async with administrator(server) as connection:
        found = await connection.execute(
            text("SELECT id FROM information_schema.processlist WHERE db = 'test' AND id <> connection_id()")
        )
        for (number,) in found.all():
            with suppress(OperationalError):  # it has just gone
                await connection.execute(text(f"KILL {number}"))


@pytest.mark.parametrize("happens", [it_is_killed, it_restarts, all_connections_are_ended])
async def test_the_server_goes_and_comes_back(server: MariaDB, store: Store, happens: Any) -> None:
    """BAD-2: some requests get 503, and none anything else."""
    async with going_on(store, number=4) as visits:
        await happens(server)
        for each in visits:
            await each.be_served()


async def test_a_connection_that_was_ended_while_nobody_used_it(
    server: MariaDB, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noticed before a write is sent over it."""
    monkeypatch.setattr(sqlalchemy_engine, "IDLE", 0.0)
    key = a_key()
    await store.create(key, a_record())
    await all_connections_are_ended(server)
    assert await store.replace(key, a_record(version=2), expected=1)


@pytest.mark.usefixtures("impatient")
async def test_the_server_holds_still(server: MariaDB, store: Store) -> None:
    visits = Visits(store)
    await visits.increment()
    with server.frozen(), anyio.fail_after(30):
        assert not await visits.increment()
    await visits.be_well_again()


@pytest.mark.promise("BAD-4")
async def test_a_server_that_is_read_only_serves_what_only_reads(
    server: MariaDB, store: Store, table: str
) -> None:
    """Of whom may do all, read_only asks nothing; so a trigger says it."""
    visits = Visits(store)
    await visits.increment()
    await tell(
        server,
        f"CREATE TRIGGER {table}_fails BEFORE UPDATE ON {table} FOR EACH ROW"  # noqa: S608
        " SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'read-only'",
    )
    for _ in range(2):
        assert await visits.read()
        assert not await visits.increment()
    await tell(server, f"DROP TRIGGER {table}_fails")
    await visits.be_well_again()


@pytest.mark.usefixtures("impatient")
async def test_a_row_that_is_locked(server: MariaDB, store: Store, table: str) -> None:
    visits = Visits(store)
    await visits.increment()
    async with administrator(server) as other:
        await other.execute(text(f"SELECT 1 FROM {table} FOR UPDATE"))  # noqa: S608
        assert not await visits.increment()
        assert await visits.read()
    await visits.be_well_again()


async def test_a_deadlock_is_tried_again(server: MariaDB, store: Store, table: str) -> None:
    """The purge has locked the first row and wants the second, another transaction the other way round."""
    first, last = sorted((a_key(), a_key()))
    await store.create(first, a_record(lives=-2))
    await store.create(last, a_record(lives=-1))
    await tell(server, f"CREATE TABLE {table}_other (number INT)")
    purged = 0

    async def purge() -> None:
        nonlocal purged
        purged = await store.purge()

    async with administrator(server) as asking, administrator(server) as other:
        before = await deadlocks(asking)
        # Of two transactions MariaDB ends the one that has changed fewer rows.
        await other.execute(text(f"INSERT INTO {table}_other SELECT seq FROM seq_1_to_100"))  # noqa: S608
        await other.execute(text(f"UPDATE {table} SET owner = 'x' WHERE `key` = '{last}'"))  # noqa: S608
        async with anyio.create_task_group() as group:
            group.start_soon(purge)
            await somebody_waits(asking)
            await other.execute(text(f"DELETE FROM {table} WHERE `key` = '{first}'"))  # noqa: S608
            await other.commit()
        assert await deadlocks(asking) == before + 1
    assert purged == 1, "the row that the other transaction has left"


async def deadlocks(connection: AsyncConnection) -> int:
    """So far, in all tables."""
    found = await connection.execute(text("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"))
    return int(found.one()[1])


async def somebody_waits(connection: AsyncConnection) -> None:
    """Until a transaction waits for a row that another one has locked. Raises TimeoutError."""
    waiting = "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    with anyio.fail_after(10):
        while not (await connection.execute(text(waiting))).scalar_one():  # noqa: ASYNC110 - it cannot tell by itself
            await anyio.sleep(0.2)  # whoever asks within a tenth of a second gets the same answer again


async def test_a_table_that_was_dropped_is_made_again(server: MariaDB, store: Store, table: str) -> None:
    key = a_key()
    await store.create(key, a_record())
    await tell(server, f"DROP TABLE {table}")
    with pytest.raises(StoreUnavailable):
        await store.load(key)
    assert await store.load(key) is None
    assert await store.create(key, a_record())
