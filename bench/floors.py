"""What a store's client takes by hand: one round trip for a read, one for a write, and nothing else.

No session does with less, so these are the floors that the stores are measured by. The key is in a cookie.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Protocol

import anyio.to_thread
import asyncpg
import redis.asyncio
from starlette.requests import Request

from bench.apps import Asgi, app

PAYLOAD = b"x" * 200
"""About as long as a record of ours with the session of the benchmark."""

_KEY_LENGTH = 64
_TABLE = "CREATE TABLE IF NOT EXISTS by_hand (key TEXT PRIMARY KEY, payload {blob} NOT NULL)"


class Client(Protocol):
    """One round trip each."""

    async def fill(self, key: str) -> object: ...

    async def read(self, key: str) -> object: ...

    async def write(self, key: str) -> object: ...


def by_hand(client: Client) -> Asgi:
    """The app whose handlers ask the client themselves."""

    async def read(request: Request) -> object:
        return await client.read(_key_of(request))

    async def write(request: Request) -> object:
        return await client.write(_key_of(request))

    async def fill(request: Request) -> object:
        request.state.key = secrets.token_hex(_KEY_LENGTH // 2)
        return await client.fill(request.state.key)

    inner = app(read, write, fill)

    async def with_cookie(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/fill":
            await inner(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                cookie = (b"set-cookie", b"session=" + state["key"].encode())
                message = {**message, "headers": [*message["headers"], cookie]}
            await send(message)

        await inner(scope, receive, sending)

    return with_cookie


def _key_of(request: Request) -> str:
    for name, value in request.scope["headers"]:
        if name == b"cookie":
            return str(value[-_KEY_LENGTH:], "ascii")
    raise LookupError("a request without a cookie")


class RedisByHand:
    def __init__(self, url: str) -> None:
        self._client = redis.asyncio.Redis.from_url(url)

    async def fill(self, key: str) -> object:
        return await self._client.set(key, PAYLOAD, ex=3600)

    async def read(self, key: str) -> object:
        return await self._client.get(key)

    async def write(self, key: str) -> object:
        return await self._client.set(key, PAYLOAD, ex=3600)


class PostgresByHand:
    """asyncpg prepares each statement once for a connection."""

    def __init__(self, url: str) -> None:
        self._pool: asyncpg.Pool[asyncpg.Record] = asyncpg.create_pool(url, min_size=1, max_size=10)
        self._ready = False

    async def fill(self, key: str) -> object:
        if not self._ready:
            await self._pool
            await self._pool.execute(_TABLE.format(blob="BYTEA"))
            self._ready = True
        return await self._pool.execute("INSERT INTO by_hand VALUES ($1, $2)", key, PAYLOAD)

    async def read(self, key: str) -> object:
        return await self._pool.fetchrow("SELECT payload FROM by_hand WHERE key = $1", key)

    async def write(self, key: str) -> object:
        return await self._pool.execute("UPDATE by_hand SET payload = $2 WHERE key = $1", key, PAYLOAD)


class SQLiteByHand:
    """In worker threads, each with a connection of its own; one of them writes at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._own = threading.local()
        self._writing = threading.Lock()
        with self._connected() as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(_TABLE.format(blob="BLOB"))

    def _connected(self) -> sqlite3.Connection:
        try:
            return self._own.db  # type: ignore[no-any-return]
        except AttributeError:
            self._own.db = db = sqlite3.connect(self._path, isolation_level=None)
            db.execute("PRAGMA synchronous=NORMAL")
            return db

    def _written(self, statement: str, *values: object) -> int:
        with self._writing:
            return self._connected().execute(statement, values).rowcount

    async def fill(self, key: str) -> object:
        return await _in_thread(lambda: self._written("INSERT INTO by_hand VALUES (?, ?)", key, PAYLOAD))

    async def read(self, key: str) -> object:
        statement = "SELECT payload FROM by_hand WHERE key = ?"
        return await _in_thread(lambda: self._connected().execute(statement, (key,)).fetchone())

    async def write(self, key: str) -> object:
        statement = "UPDATE by_hand SET payload = ? WHERE key = ?"
        return await _in_thread(lambda: self._written(statement, PAYLOAD, key))


class SQLiteSelect1(SQLiteByHand):
    """The hop to a thread and back, with the least that SQLite can be asked."""

    async def read(self, key: str) -> object:
        return await _in_thread(lambda: self._connected().execute("SELECT 1").fetchone())

    write = read


async def _in_thread(work: Callable[[], Any]) -> Any:
    return await anyio.to_thread.run_sync(work)
