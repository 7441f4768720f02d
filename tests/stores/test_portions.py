"""LOOK-1: stores that count and list in portions, with portions so small that there are many."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sessions import Store, open_store
from sessions.stores import postgres, redis, sqlalchemy, sqlite
from sessions.stores.redis import _server as redis_server
from sessions.stores.redis import _walk as redis_walk
from sessions.testing.kit import a_key, a_record
from sessions.testing.overview import fill, found_by_scan

pytestmark = [pytest.mark.anyio, pytest.mark.promise("LOOK-1")]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite", "redis", "postgres", "sqlalchemy"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    for module, name, size in (
        (sqlite, "PAGE", 10),
        (redis, "PAGE", 10),
        (redis_walk, "PORTION", 10),
        (redis_walk, "KEYS_AT_ONCE", 7),
        (postgres, "PAGE", 10),
        (postgres, "COUNTED", 10),
        (sqlalchemy, "PAGE", 10),
        (sqlalchemy, "COUNTED", 10),
    ):
        monkeypatch.setattr(module, name, size)
    name = f"t{secrets.token_hex(4)}"
    if request.param == "redis":
        # In a database of its own: the parts are of all that the database holds, whoever's it is.
        url = f"{request.getfixturevalue('redis_url').rpartition('/')[0]}/9?prefix={name}:"
    elif request.param == "postgres":
        url = f"{request.getfixturevalue('postgres_url')}?table={name}"
    else:
        url = f"{'sqlite' if request.param == 'sqlite' else 'sqlite+aiosqlite'}:///{tmp_path}/sessions.db"
    store = open_store(url)
    assert isinstance(store, Store)
    yield store
    await store.close()


@pytest.mark.parametrize("number", [0, 9, 10, 11, 100])
async def test_all_portions_together_are_all(store: Store, number: int) -> None:
    keys = await fill(store, number)
    for _ in range(5):
        await store.create(a_key(), a_record(lives=-1))
    assert await store.count() == number
    assert sorted(await found_by_scan(store)) == sorted(keys)


class TellsTwice(redis_server.Server):
    """To a server that moves its table during a SCAN, and tells keys again."""

    async def names(self, pattern: bytes, count: int) -> AsyncIterator[bytes]:
        told = [name async for name in super().names(pattern, count)]
        for name in [*told, *told[::2]]:
            yield name


async def test_redis_may_tell_a_key_again(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "Server", TellsTwice)
    monkeypatch.setattr(redis_walk, "PORTION", 10)  # so that it comes again in another portion
    store = redis.RedisStore(redis_url, prefix=f"t{secrets.token_hex(4)}:")
    keys = await fill(store, 30)
    assert await store.count() == 30
    assert sorted(await found_by_scan(store)) == sorted(keys)
    await store.close()


@pytest.mark.parametrize(
    ("size", "number", "first", "last"),
    [(0, 1, "", ""), (200_000, 1, "", ""), (200_001, 16, "0", "f"), (4_000_000, 256, "00", "ff")],
)
def test_a_large_server_is_gone_through_in_parts(size: int, number: int, first: str, last: str) -> None:
    """So that what a walk remembers has a bound."""
    parts = redis_walk.parts(size)
    assert (len(set(parts)), parts[0], parts[-1]) == (number, first, last)
