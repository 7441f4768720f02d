"""SQLAlchemyStore keeps the promises of a store: on SQLite, on PostgreSQL, and with `-m mariadb` there."""

from __future__ import annotations

import secrets
import sqlite3
import traceback
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import pytest
from sqlalchemy import MetaData, create_engine, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.tcp_proxy import Proxy
from sessions import SQLAlchemyStore, StoreUnavailable, open_store, sessions_table
from sessions.stores import sqlalchemy as sqlalchemy_store
from sessions.stores.sqlalchemy import _engine as sqlalchemy_engine
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore, a_key, a_record, all_at_once

from .outages import Outages, assert_each_call_is_one_round_trip

DATABASES = ["sqlite", "postgres", pytest.param("mariadb", marks=pytest.mark.mariadb)]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        # As an app sets it up that writes from many tasks: a log, which is kept in the file, and patience.
        with closing(sqlite3.connect(tmp_path / "app.db")) as db:
            db.execute("PRAGMA journal_mode = WAL")
        return f"sqlite+aiosqlite:///{tmp_path}/app.db?timeout=30"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url.replace("postgresql:", "postgresql+asyncpg:")


@pytest.fixture
async def table(database_url: str, anyio_backend: str) -> AsyncIterator[str]:
    """A table that no other test uses; the store makes it."""
    name = f"test_{secrets.token_hex(4)}"
    yield name
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    await engine.dispose()


@pytest.fixture
async def engine(database_url: str, anyio_backend: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url)
    yield engine
    await engine.dispose()


class TestSQLAlchemyStore(StoreConformance):
    backends = ("asyncio",)

    @pytest.fixture
    def make_store(self, database_url: str, table: str) -> MakeStore:
        return lambda: SQLAlchemyStore(database_url, table=table)


class TestAway(Outages):
    timeout = sqlalchemy_engine, 1.0

    @pytest.fixture(params=DATABASES[1:])
    def database_url(self, request: pytest.FixtureRequest) -> str:
        url: str = request.getfixturevalue(f"{request.param}_url")
        return url.replace("postgresql:", "postgresql+asyncpg:")

    @pytest.fixture
    def url(self, database_url: str, table: str) -> str:
        return f"{database_url}?table={table}"


pytestmark = pytest.mark.anyio


async def test_the_apps_own_engine(engine: AsyncEngine, table: str) -> None:
    """An engine that is given is used as it is and not disposed of; its connections outlive the store."""
    store = SQLAlchemyStore(engine, table=table)
    key, record = a_key(), a_record(owner="ann")
    await store.create(key, record)
    await store.close()
    assert engine.pool.checkedin() >= 1  # type: ignore[attr-defined]
    assert await SQLAlchemyStore(engine, table=table).load(key) == record


@pytest.mark.parametrize("whose", ["its own engine", "the app's engine"])
async def test_each_call_is_one_round_trip(postgres_url: str, whose: str) -> None:
    """Outside of transactions, and without a question whether the connection still works."""
    proxy = Proxy(postgres_url.replace("postgresql:", "postgresql+asyncpg:"))
    await proxy.up()
    engine = create_async_engine(proxy.url, isolation_level="SERIALIZABLE")
    store = SQLAlchemyStore(proxy.url if whose == "its own engine" else engine, table="round_trips")
    await assert_each_call_is_one_round_trip(store, proxy)
    await store.close()
    await engine.dispose()
    await proxy.down()


async def test_connections_stay_open(postgres_url: str) -> None:
    """To open one takes longer than twenty statements."""
    proxy = Proxy(postgres_url.replace("postgresql:", "postgresql+asyncpg:"))
    await proxy.up()
    store = SQLAlchemyStore(proxy.url, table="round_trips")
    opened: list[set[object]] = []
    for _ in range(3):
        await all_at_once(*[partial(store.load, a_key()) for _ in range(40)])
        opened.append(set(proxy.ends))
    assert opened[1] == opened[2]
    assert len(opened[2]) == 2 * sqlalchemy_engine.MAX_CONNECTIONS  # each with two ends
    await store.close()
    await proxy.down()


async def test_many_make_the_table_at_once(database_url: str, table: str) -> None:
    """Workers that all start with an empty database do not trip over each other."""
    stores = [SQLAlchemyStore(database_url, table=table) for _ in range(8)]
    await all_at_once(*[partial(store.load, a_key()) for store in stores])
    for store in stores:
        await store.close()


async def test_a_table_of_the_apps_metadata(engine: AsyncEngine, table: str) -> None:
    """An app's migrations make the table from its metadata, with the indexes; the store makes nothing."""
    metadata = MetaData()
    mine = sessions_table(metadata, table)
    store = SQLAlchemyStore(engine, table=mine, create=False)
    with pytest.raises(StoreUnavailable):
        await store.load(a_key())
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        indexes = await connection.run_sync(lambda sync: inspect(sync).get_indexes(table))
    assert {index["name"] for index in indexes} == {f"ix_{table}_expires_at", f"ix_{table}_owner"}
    key, record = a_key(), a_record()
    assert await store.create(key, record)
    assert await store.load(key) == record


async def test_purge_works_in_batches(
    engine: AsyncEngine, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlalchemy_store, "BATCH", 10)
    store = SQLAlchemyStore(engine, table=table)
    for _ in range(25):
        await store.create(a_key(), a_record(lives=-1))
    await store.create(a_key(), a_record())
    assert await store.purge() == 25


async def test_creating_and_purging_at_once(database_url: str, table: str) -> None:
    """EXP-5: a purge makes no request fail, and requests make no purge fail, by a deadlock."""
    stores = [SQLAlchemyStore(database_url, table=table) for _ in range(2)]
    purged: list[int] = []

    async def create(number: int) -> None:
        for _ in range(20):
            key = a_key()
            assert await stores[number % 2].create(key, a_record(lives=-1, owner="ann"))
            assert await stores[number % 2].create(key, a_record(owner="ann"))

    async def purge(number: int) -> None:
        for _ in range(10):
            purged.append(await stores[number % 2].purge())

    await all_at_once(*[partial(create, n) for n in range(6)], partial(purge, 0), partial(purge, 1))
    assert len(await stores[0].owned_by("ann")) == 120
    for store in stores:
        await store.close()


async def test_nul_is_no_text(engine: AsyncEngine, table: str) -> None:
    """Some databases have no NUL in their texts: no session has such a key, and no user such a name."""
    store = SQLAlchemyStore(engine, table=table)
    assert await store.load("a\0b") is None
    assert await store.replace("a\0b", a_record(), expected=1) is False
    await store.delete("a\0b")
    assert await store.owned_by("a\0b") == []
    with pytest.raises(ValueError, match="NUL"):
        await store.create(a_key(), a_record(owner="a\0b"))


async def test_a_locked_database_is_unavailable(tmp_path: Path) -> None:
    """BAD-2: what SQLAlchemy adds to an error, the statement with its values, is in no message."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/app.db", connect_args={"timeout": 0.05})
    store = SQLAlchemyStore(engine)
    await store.load(a_key())
    async with engine.connect() as other:
        await other.execute(text("BEGIN EXCLUSIVE"))
        key, payload = a_key(), secrets.token_hex(16).encode()
        with pytest.raises(StoreUnavailable, match="locked") as raised:
            await store.create(key, a_record(payload))
        told = "".join(traceback.format_exception(raised.value))
        assert key not in told
        assert payload.decode() not in told
    assert await store.create(a_key(), a_record())
    await engine.dispose()


@pytest.mark.parametrize(
    "url",
    ["secret", "sqlite+nothing:///x", "postgresql+asyncpg://u:secret@h:port/d", "sqlite+pysqlite:///secret"],
)
def test_a_wrong_url_is_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"^a database store's URL is ") as raised:
        SQLAlchemyStore(url)
    assert "secret" not in str(raised.value)


def test_an_engine_that_blocks_is_refused() -> None:
    with pytest.raises(TypeError, match="AsyncEngine"):
        SQLAlchemyStore(create_engine("sqlite://"))  # type: ignore[arg-type]


def test_one_store_serves_several_event_loops(tmp_path: Path) -> None:
    """Test clients open a loop for each request, and the store's connections are a loop's own."""
    store = open_store(f"sqlite+aiosqlite:///{tmp_path}/app.db?table=visits")
    assert isinstance(store, SQLAlchemyStore)

    async def use() -> None:
        key, record = a_key(), a_record()
        await store.create(key, record)
        assert await store.load(key) == record
        await store.close()

    anyio.run(use)
    anyio.run(use)
