"""PostgresStore keeps the promises of a store."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import anyio
import asyncpg
import pytest

from services.tcp_proxy import Proxy
from sessions import PostgresStore, StoreUnavailable, open_store
from sessions.stores import postgres as postgres_store
from sessions.stores.postgres import _pool as postgres_pool
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore, a_key, a_record, all_at_once

from .outages import Outages, assert_each_call_is_one_round_trip

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def table(postgres_url: str, anyio_backend: str) -> AsyncIterator[str]:
    """A table that no other test uses; the store makes it."""
    name = f"test_{secrets.token_hex(4)}"
    yield name
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP TABLE IF EXISTS {name}")
    await connection.close()


class TestPostgresStore(StoreConformance):
    backends = ("asyncio",)

    @pytest.fixture
    def make_store(self, postgres_url: str, table: str) -> MakeStore:
        return lambda: PostgresStore(postgres_url, table=table)


class TestAway(Outages):
    timeout = postgres_store, 0.5

    @pytest.fixture
    def url(self, postgres_url: str, table: str) -> str:
        return f"{postgres_url}?table={table}"


async def test_the_apps_own_pool(postgres_url: str, table: str) -> None:
    """A pool that is given is used as it is, now or when it is there, and stays open."""
    async with asyncpg.create_pool(postgres_url, min_size=1, max_size=2) as pool:
        key, record = a_key(), a_record(owner="ann")
        first, second = PostgresStore(pool, table=table), PostgresStore(lambda: pool, table=table)
        await first.create(key, record)
        assert await second.load(key) == record
        await first.close()
        await second.close()
        assert await pool.fetchval("SELECT 1") == 1


async def test_many_make_the_table_at_once(postgres_url: str, db: Any) -> None:
    """Workers that all start with an empty database do not trip over each other."""
    for _ in range(5):
        table = f"test_{secrets.token_hex(4)}"
        stores = [PostgresStore(postgres_url, table=table) for _ in range(8)]
        await all_at_once(*[partial(store.load, a_key()) for store in stores])
        indexes = await db.fetch("SELECT indexname FROM pg_indexes WHERE tablename = $1", table)
        names = sorted(row[0].removeprefix(table) for row in indexes)
        assert names == ["_expires_at", "_owner", "_pkey"]
        for store in stores:
            await store.close()
        await db.execute(f"DROP TABLE {table}")


async def test_a_table_that_a_migration_made(postgres_url: str, db: Any) -> None:
    """Where the table is there the right to use it suffices, also in a schema of its own."""
    name, password = f"s_{secrets.token_hex(4)}", secrets.token_hex(16)
    await db.execute(
        f"CREATE SCHEMA {name}; CREATE ROLE {name} LOGIN PASSWORD '{password}';"
        f" GRANT USAGE ON SCHEMA {name} TO {name}"
    )
    await db.execute(PostgresStore(postgres_url, table=f"{name}.Order").schema)
    await db.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON {name}."Order" TO {name}')
    try:
        async with asyncpg.create_pool(postgres_url, user=name, password=password, min_size=0) as pool:
            store = PostgresStore(pool, table=f"{name}.Order")
            key, record = a_key(), a_record()
            assert await store.create(key, record)
            assert await store.load(key) == record
            assert await store.purge() == 0
            with pytest.raises(StoreUnavailable, match="InsufficientPrivilege"):
                await PostgresStore(pool, table=f"{name}.other").load(key)
    finally:
        await db.execute(f"DROP SCHEMA {name} CASCADE; DROP ROLE {name}")


async def test_a_table_that_was_dropped_is_made_again(postgres_url: str, db: Any, table: str) -> None:
    store = PostgresStore(postgres_url, table=table)
    await store.create(a_key(), a_record())
    await db.execute(f"DROP TABLE {table}")
    with pytest.raises(StoreUnavailable):
        await store.load(a_key())
    assert await store.create(a_key(), a_record())
    await store.close()


async def test_each_call_is_one_round_trip(postgres_url: str, table: str) -> None:
    """The statements stay prepared, and nothing else is sent."""
    proxy = Proxy(postgres_url)
    await proxy.up()
    store = PostgresStore(proxy.url, table=table)
    await assert_each_call_is_one_round_trip(store, proxy)
    await store.close()
    await proxy.down()


class Pooler:
    """What a probing connection meets: the server's process and the statement's name there."""

    def __init__(self, *, shows_its_own_process: bool, keeps_account: bool) -> None:
        self._told = 1 if shows_its_own_process else 7
        self._keeps_account = keeps_account
        self.asked: list[str] = []

    def get_server_pid(self) -> int:
        return self._told

    def transaction(self) -> Any:
        return nullcontext()

    async def prepare(self, query: str, *, name: str) -> Any:
        return self

    async def fetchrow(self, name: str) -> tuple[int, bool]:
        return 7, not self._keeps_account

    async def execute(self, query: str) -> None:
        self.asked.append(query.partition(" ")[0])


@pytest.mark.parametrize(
    ("pooler", "prepares", "asked"),
    [
        (Pooler(shows_its_own_process=False, keeps_account=False), True, []),
        (Pooler(shows_its_own_process=True, keeps_account=True), True, []),
        (Pooler(shows_its_own_process=True, keeps_account=False), False, ["DEALLOCATE"]),
    ],
    ids=["no pooler", "a pooler that keeps account", "a pooler that does not"],
)
async def test_it_finds_out_whether_statements_stay_prepared(
    pooler: Pooler, prepares: bool, asked: list[str]
) -> None:
    """Behind the last one the next statement may meet another connection, and the name of the first one must
    not stay there. The tests of PgBouncer meet a real one."""
    assert await postgres_pool._prepares(pooler) is prepares
    assert pooler.asked == asked


@pytest.mark.promise("BAD-2")
async def test_a_connection_that_asyncpg_cannot_use_any_more_is_not_used_again(
    postgres_url: str, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a connection is lost between two steps of a statement, asyncpg raises an error that is neither
    PostgreSQL's nor one of its interface."""
    store = PostgresStore(postgres_url, table=table)
    key, record = a_key(), a_record()
    await store.create(key, record)
    broken: list[Any] = []
    execute: Any = getattr(asyncpg.Connection, "_execute")  # noqa: B009 (of which its types do not know)

    async def fail(self: Any, *arguments: Any, **options: Any) -> Any:
        if self in (broken or [self]):
            broken.append(self)
            raise asyncpg.InternalClientError(
                "cannot switch to state 12; another operation (2) is in progress"
            )
        return await execute(self, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "_execute", fail)
    with pytest.raises(StoreUnavailable):
        await store.load(key)
    assert await store.load(key) == record
    await store.close()


async def test_purge_leaves_what_another_is_working_on(postgres_url: str, db: Any, table: str) -> None:
    """EXP-5: processes that purge at the same moment neither wait for each other nor deadlock."""
    store = PostgresStore(postgres_url, table=table)
    expired = [a_key() for _ in range(3)]
    for key in expired:
        await store.create(key, a_record(lives=-1))
    async with db.transaction():
        await db.execute(f"SELECT 1 FROM {table} WHERE key = $1 FOR UPDATE", expired[0])  # noqa: S608
        assert await store.purge() == 2
    assert await store.purge() == 1
    await store.close()


async def test_purge_works_in_batches(postgres_url: str, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_store, "BATCH", 10)
    store = PostgresStore(postgres_url, table=table)
    for _ in range(25):
        await store.create(a_key(), a_record(lives=-1))
    await store.create(a_key(), a_record())
    assert await store.purge() == 25
    await store.close()


async def test_nul_is_no_text(postgres_url: str, table: str) -> None:
    """PostgreSQL has no NUL in its texts: no session has such a key, and no user such a name."""
    store = PostgresStore(postgres_url, table=table)
    assert await store.load("a\0b") is None
    assert await store.replace("a\0b", a_record(), expected=1) is False
    await store.delete("a\0b")
    assert await store.owned_by("a\0b") == []
    with pytest.raises(ValueError, match="NUL"):
        await store.create(a_key(), a_record(owner="a\0b"))
    await store.close()


@pytest.mark.parametrize(
    "table", ["", "a b", 'a"; DROP TABLE users; --', "a.b.c", ".a", "a.", "1a", "é", "a" * 44, "a\n"]
)
def test_names_of_tables_are_checked(table: str) -> None:
    with pytest.raises(ValueError, match="table's name"):
        PostgresStore("postgresql://localhost", table=table)


@pytest.mark.parametrize(
    "url", ["http://secret", "postgresql://user:se/cret@host:po", "postgresql://u:p@h:secret/d"]
)
async def test_a_wrong_url_is_not_quoted(url: str) -> None:
    with pytest.raises((ValueError, StoreUnavailable)) as raised:
        await PostgresStore(url).load(a_key())
    assert "cret" not in str(raised.value)


def test_what_is_no_pool_is_refused() -> None:
    with pytest.raises(TypeError, match="asyncpg"):
        PostgresStore(7)  # type: ignore[arg-type]


def test_one_store_serves_several_event_loops(postgres_url: str) -> None:
    """Test clients open a loop for each request, and the store's connections are a loop's own."""
    store = open_store(f"{postgres_url}?table=test_loops")
    assert isinstance(store, PostgresStore)

    async def use() -> None:
        key, record = a_key(), a_record(lives=1)
        await store.create(key, record)
        assert await store.load(key) == record
        await store.close()

    anyio.run(use)
    anyio.run(use)
