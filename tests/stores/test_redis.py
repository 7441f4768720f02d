"""RedisStore keeps the promises of a store, on Valkey or Redis."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from sessions import RedisStore, Session, StoreUnavailable, open_store
from sessions.stores import redis as redis_store
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore, a_key, a_record
from sessions.testing.requests import Visitor

from .outages import Outages


@pytest.fixture
def prefix() -> str:
    """A place in the server that no other test uses."""
    return f"test-{secrets.token_hex(4)}:"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class TestRedisStore(StoreConformance):
    backends = ("asyncio",)
    counts_purged = False

    @pytest.fixture
    def make_store(self, redis_url: str, prefix: str) -> MakeStore:
        return lambda: RedisStore(redis_url, prefix=prefix)


class TestAway(Outages):
    timeout = redis_store, 0.3

    @pytest.fixture
    def url(self, redis_url: str, prefix: str) -> str:
        return f"{redis_url}?prefix={prefix}"


pytestmark = pytest.mark.anyio


async def test_the_server_removes_what_has_expired(client: Redis, prefix: str) -> None:
    """EXP-5: the record and the index of its owner have a time to live; one without end has none."""
    store = RedisStore(client, prefix=prefix)
    key, endless = a_key(), a_key()
    await store.create(key, a_record(lives=100, owner="ann"))
    assert 99_000 < await client.pttl(f"{prefix}{key}") <= 100_001
    assert 100_000 < await client.pttl(f"{prefix}owner:ann") <= 161_000
    await store.replace(key, a_record(lives=50, owner="ann", version=2), expected=1)
    assert 49_000 < await client.pttl(f"{prefix}{key}") <= 50_001
    assert await client.pttl(f"{prefix}owner:ann") > 100_000, "it may live longer, never shorter"
    await store.create(endless, a_record(lives=float("inf"), owner="ann"))
    assert await client.pttl(f"{prefix}{endless}") == -1
    assert await client.pttl(f"{prefix}owner:ann") == -1
    await store.delete(endless)
    await store.replace(key, a_record(lives=70, owner="ann", version=3), expected=2)
    assert await client.pttl(f"{prefix}owner:ann") > 60_000, "without the endless one it ends again"


async def test_the_index_does_not_outgrow_the_living(client: Redis, prefix: str) -> None:
    """EXP-5: entries of sessions that were deleted, rotated or have expired leave the owner's index."""
    store = RedisStore(client, prefix=prefix)
    keys = [a_key() for _ in range(4)]
    for key in keys[:3]:
        await store.create(key, a_record(owner="ann"))
    await store.create(keys[3], a_record(lives=-1, owner="ann"))
    await store.delete(keys[0])
    assert await store.destroy(keys[1])
    assert await client.zrange(f"{prefix}owner:ann", 0, -1) == [keys[2].encode()]
    await store.delete(keys[2])
    assert await client.keys(f"{prefix}*") == []


class _Forgetful(Redis):
    """A connection that is lost after the command has arrived and before its answer has: sent again."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


async def test_a_write_that_the_client_repeats_counts_once(redis_url: str, prefix: str) -> None:
    """CONC-2: a client that sends a command again, as its answer was lost, does not conflict with itself."""
    client: Redis = _Forgetful.from_url(redis_url)
    browser = Visitor(RedisStore(client, prefix=prefix))

    async def count(session: Session) -> None:
        session.increment("n")

    async def rotate(session: Session) -> None:
        session.rotate()

    for handler in (count, count, rotate, count):
        await browser.visit(handler)
    assert await browser.read() == {"n": 3}
    await client.aclose()


async def test_a_server_that_forgot_the_scripts(client: Redis, prefix: str) -> None:
    """BAD-2: a server that was restarted, or took over, is told the scripts again."""
    store = RedisStore(client, prefix=prefix)
    key = a_key()
    await store.create(key, a_record(owner="ann"))
    await client.script_flush()
    assert await store.replace(key, a_record(version=2, owner="ann"), expected=1)
    await client.script_flush()
    await store.delete(key)
    assert await store.load(key) is None


async def commands_of(client: Redis, call: Awaitable[object]) -> dict[str, int]:
    """What the server has done for it, with what its scripts did."""
    before = await client.info("commandstats")
    await call
    after = await client.info("commandstats")
    counts = {
        name.removeprefix("cmdstat_"): stats["calls"] - before.get(name, {"calls": 0})["calls"]
        for name, stats in after.items()
    }
    connecting = ("info", "auth", "select", "hello", "client|setinfo")
    return {name: number for name, number in counts.items() if number and name not in connecting}


@pytest.mark.parametrize("by", ["URL", "client"])
@pytest.mark.parametrize("owner", [None, "ann"])
async def test_a_read_is_one_command_and_a_write_is_one(
    redis_url: str, client: Redis, prefix: str, by: str, owner: str | None
) -> None:
    """The owner's index is looked at when the owner changes, or the end moves on."""
    store = RedisStore(client if by == "client" else redis_url, prefix=prefix)
    key, record = a_key(), a_record(owner=owner)
    await store.create(key, record)

    def next_version(**changes: Any) -> Awaitable[bool]:
        nonlocal record
        expected = record.version
        record = replace(record, version=expected + 1, **changes)
        return store.replace(key, record, expected=expected)

    one_write = {"evalsha": 1, "getrange": 1, "set": 1}
    assert await commands_of(client, store.load(key)) == {"get": 1}
    assert await commands_of(client, next_version(payload=b"changed")) == one_write
    assert await commands_of(client, next_version(expires_at=record.expires_at - 1)) == one_write
    extended = await commands_of(client, next_version(expires_at=record.expires_at + 60))
    assert extended["evalsha"] == (1 if owner is None else 3)
    logged_in = await commands_of(client, next_version(owner="bob"))
    assert (logged_in["evalsha"], logged_in["zadd"]) == (3, 1)
    assert await commands_of(client, next_version(owner=None)) == one_write
    assert await store.load(key) == record
    await store.close()


async def test_a_client_that_is_given_stays_open(client: Redis, prefix: str) -> None:
    """Who gives the store a client closes it."""
    store = RedisStore(client, prefix=prefix)
    await store.load(a_key())
    connections = client.connection_pool._available_connections
    await store.close()
    assert [connection.is_connected for connection in connections] == [True]


async def test_a_full_or_refusing_server_is_unavailable(client: Redis, prefix: str) -> None:
    """BAD-2: an error that the server answers is not a crash either, and quotes none of the command."""
    store = RedisStore(client, prefix=prefix)
    key = a_key()
    await client.hset(f"{prefix}{key}", "something", "else")
    with pytest.raises(StoreUnavailable, match=r"^Redis: ResponseError: WRONGTYPE$"):
        await store.load(key)


def test_a_client_that_decodes_is_refused(redis_url: str) -> None:
    """Records are bytes, which such a client would break only with the first one that is no text."""
    with pytest.raises(ValueError, match="decode_responses"):
        RedisStore(Redis.from_url(redis_url, decode_responses=True))
    with pytest.raises(ValueError, match="decode_responses"):
        RedisStore(f"{redis_url}?decode_responses=true")


def test_what_is_no_client_is_refused() -> None:
    import redis  # noqa: PLC0415

    with pytest.raises(TypeError, match=r"redis\.asyncio.*redis\.client\.Redis"):
        RedisStore(redis.Redis())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", ["redis://:se/cret@host:po/0", "redis://user:secret@host:70000/0", "http://secret"]
)
def test_a_wrong_url_is_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"^a Redis store's URL is ") as raised:
        RedisStore(url)
    assert "cret" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["valkey", "Valkey", "REDIS"])
async def test_urls_of_valkey(redis_url: str, prefix: str, scheme: str) -> None:
    store = open_store(f"{scheme}{redis_url.removeprefix('redis')}?prefix={prefix}")
    assert isinstance(store, RedisStore)
    assert await store.create(a_key(), a_record())
    await store.close()


def test_one_store_serves_several_event_loops(redis_url: str, prefix: str) -> None:
    """Test clients open a loop for each request, and the store's connections are a loop's own."""
    import anyio  # noqa: PLC0415

    store = RedisStore(redis_url, prefix=prefix)
    key, record = a_key(), a_record()

    async def use(first: bool) -> None:
        if first:
            await store.create(key, record)
        assert await store.load(key) == record
        await store.close()

    anyio.run(use, True)
    anyio.run(use, False)


def test_trio_is_told(redis_url: str) -> None:
    import trio  # noqa: PLC0415

    with pytest.raises(RuntimeError, match="needs asyncio"):
        trio.run(RedisStore(redis_url).load, a_key())
