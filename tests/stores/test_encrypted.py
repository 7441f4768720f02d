"""EncryptedStore keeps the promises of a store around each of the others. A stolen database shows nothing."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from msgspec import msgpack
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, OTHER_KEY, Browser, answer, own, site

from sessions import (
    EncryptedStore,
    MemoryStore,
    PostgresStore,
    RedisStore,
    SQLAlchemyStore,
    SQLiteStore,
    Store,
)
from sessions.testing import StoreConformance
from sessions.testing.emergency import EmergencyPromises
from sessions.testing.kit import MakeStore
from sessions.testing.overview import OverviewPromises
from sessions.testing.owners import OwnerPromises
from sessions.testing.records import RecordPromises

pytestmark = pytest.mark.promise("SEAL-6")


class TestAroundMemory(StoreConformance):
    shared = False

    @pytest.fixture
    def make_store(self) -> MakeStore:
        return lambda: EncryptedStore(MemoryStore(), KEY)


class TestAroundSQLite(StoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda: EncryptedStore(SQLiteStore(tmp_path / "sessions.db"), [KEY, OTHER_KEY])


class RecordsComeBack(RecordPromises, OwnerPromises, EmergencyPromises, OverviewPromises):
    """What a store around another one can break. The races of each store are in its own tests."""

    backends = ("asyncio",)


class TestAroundRedis(RecordsComeBack):
    counts_purged = False

    @pytest.fixture
    def make_store(self, redis_url: str) -> MakeStore:
        prefix = f"test-{secrets.token_hex(4)}:"
        return lambda: EncryptedStore(RedisStore(redis_url, prefix=prefix), KEY)


@pytest.fixture
async def table(postgres_url: str, anyio_backend: str) -> AsyncIterator[str]:
    """A table that no other test uses; the store makes it."""
    name = f"test_{secrets.token_hex(4)}"
    yield name
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP TABLE IF EXISTS {name}")
    await connection.close()


class TestAroundPostgres(RecordsComeBack):
    @pytest.fixture
    def make_store(self, postgres_url: str, table: str) -> MakeStore:
        return lambda: EncryptedStore(PostgresStore(postgres_url, table=table), KEY)


class TestAroundSQLAlchemy(RecordsComeBack):
    @pytest.fixture
    def make_store(self, postgres_url: str, table: str) -> MakeStore:
        url = postgres_url.replace("postgresql:", "postgresql+asyncpg:")
        return lambda: EncryptedStore(SQLAlchemyStore(url, table=table), KEY)


# -- what a thief of the database sees -----------------------------------------------------------------------

Dump = Callable[[], Awaitable[bytes]]
"""All bytes that somebody has who has stolen the database."""

SECRETS = [
    b"ada@example.org",
    b"card number",
    b"4000-1234",
    b"message",
    b"Welcome back",
    b"basket",
    b"bread",
    b"drink",
    b"milk",
]
"""Owner, names and values of the sessions of `use`."""


async def log_in(request: Request) -> Response:
    own(request).owner = "ada@example.org"
    own(request)["card number"] = "4000-1234"
    own(request).flash("message", "Welcome back")
    return answer()


async def use(store: Store) -> list[bytes]:
    """Two sessions from the first visit over login and rotation, one to its end. The ids that they had."""
    app = site(log_in, store=store, expire_after=3600)
    browsers = [Browser(app), Browser(app)]
    ids = []
    for url in ("/write?basket=bread", "/log_in", "/increment", "/rotate", "/write?drink=milk"):
        for browser in browsers:
            assert (await browser.get(url)).status == 200
            ids.append((browser.cookie() or "").encode())
    await browsers[0].get("/destroy")
    assert (await browsers[1].get("/read")).json()["card number"] == "4000-1234"
    assert len(await store.sessions_of("ada@example.org")) == 1
    return ids


def memory() -> tuple[Store, Dump]:
    store = MemoryStore()

    async def dump() -> bytes:
        return repr((store._owned, store._queue)).encode() + msgpack.encode(store._records)

    return store, dump


def sqlite(folder: Path) -> tuple[Store, Dump]:
    async def dump() -> bytes:
        files = {file.name: file.read_bytes() for file in folder.iterdir()}
        assert len(files["sessions.db-wal"]) > 10_000
        return b"".join(files.values())

    return SQLiteStore(folder / "sessions.db"), dump


def redis(url: str) -> tuple[Store, Dump]:
    prefix = f"test-{secrets.token_hex(4)}:"

    async def dump() -> bytes:
        client: Redis = Redis.from_url(url)
        found = []
        async for key in client.scan_iter(f"{prefix}*"):
            is_index = await client.type(key) == b"zset"
            found += [key, await (client.zrange(key, 0, -1) if is_index else client.get(key))]
        await client.aclose()
        return repr(found).encode()

    return RedisStore(url, prefix=prefix), dump


def postgres(url: str, table: str) -> tuple[Store, Dump]:
    async def dump() -> bytes:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 (a name of our own)
        await connection.close()
        return repr([tuple(row) for row in rows]).encode()

    return PostgresStore(url, table=table), dump


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Store, Dump]:
    match request.param:
        case "memory":
            return memory()
        case "sqlite":
            return sqlite(tmp_path)
        case "redis":
            return redis(request.getfixturevalue("redis_url"))
        case _:
            return postgres(request.getfixturevalue("postgres_url"), request.getfixturevalue("table"))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
class TestAStolenDatabase:
    async def test_it_shows_no_value_no_owner_and_no_id(self, database: tuple[Store, Dump]) -> None:
        store, dump = database
        ids = await use(EncryptedStore(store, KEY))
        stolen = await dump()
        await store.close()
        assert [each for each in [*SECRETS, *ids, KEY.encode()] if each in stolen] == []

    async def test_the_same_look_finds_them_without_encryption(self, database: tuple[Store, Dump]) -> None:
        """But for the ids, which are in no database in any case."""
        store, dump = database
        await use(store)
        stolen = await dump()
        await store.close()
        assert [each for each in SECRETS if each not in stolen] == []
