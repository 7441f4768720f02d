"""Sessions in Redis or Valkey, shared by any number of machines."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any, Final

try:
    from redis.asyncio import Redis, RedisCluster
    from redis.asyncio.connection import parse_url
    from redis.exceptions import NoScriptError

    from sessions.stores.redis._cluster import Cluster
    from sessions.stores.redis._commands import ClientCommands, ClusterClientCommands, Commands
    from sessions.stores.redis._connections import Options
    from sessions.stores.redis._server import Server
except ModuleNotFoundError as missing:
    if missing.name is not None and missing.name.startswith("sessions"):
        raise
    raise ImportError('RedisStore needs the redis client: pip install "sessions[redis]"') from None

from sessions._record import Record
from sessions.stores.base import MAX_BYTES, Store, checked_size
from sessions.stores.loops import PerLoop
from sessions.stores.redis._value import (
    DELETE,
    HEAD,
    INDEX,
    INDEX_FIRST,
    LONGEST_OWNER,
    OVER,
    WRITE,
    Script,
    head_of,
    unpacked,
    writing,
)
from sessions.stores.redis._walk import all_of, all_once

TIMEOUT: Final = 5.0
"""Seconds that anybody waits for an answer of a server, with connecting and a second try, if we connect."""

MAX_CONNECTIONS: Final = 50
"""Commands at a time, if we connect; more wait."""

PIPELINE: Final = 500
"""Records that are asked for in one go when an owner's sessions are listed."""

PAGE: Final = 200
"""Records that are asked for in one go when all are listed."""


class RedisStore(Store):
    """One value per session, which Redis removes by itself when it expires; a purge has nothing to do.

    Works with Redis from 6.2 on and with Valkey, single, replicated or as a cluster. Needs asyncio.

    An owner's sessions are listed in a sorted set of their own. An entry is written before its record is, so
    that no crash leaves a session that cannot be found; one that points at nothing, or at a session that
    has another owner by now, is passed over and leaves with its expiry.

    Run the server with `maxmemory-policy` `noeviction` (or `volatile-ttl`, which ends sessions early when
    memory is short) and with persistence, unless a restart may log everybody out.
    """

    def __init__(
        self, client: Redis | RedisCluster | str, *, prefix: str = "session:", max_bytes: int = MAX_BYTES
    ) -> None:
        """`client` is one of `redis.asyncio`'s, or a URL: `redis://user:password@host:6379/0`, `rediss://…`
        for TLS, `redis+cluster://…` and `rediss+cluster://…` for any one node of a cluster; `valkey` may
        stand for `redis` in each of them.

        A client that is given is never closed, and keeps its own timeouts and retries. Raises `ValueError`
        for a URL that is none, and for a client with `decode_responses=True`: records are bytes.
        """
        self.max_bytes = checked_size(max_bytes)
        self._prefix = prefix.encode()
        self._given = not isinstance(client, str)
        if isinstance(client, str):
            url, cluster = _checked(client)
            self._commands = PerLoop[Commands](lambda: _connect(url, cluster))
        elif isinstance(client, Redis | RedisCluster):
            if client.get_encoder().decode_responses:
                raise ValueError(_BYTES)
            self._commands = PerLoop[Commands](lambda: _by(client))
        else:
            raise TypeError(
                f"RedisStore takes a client of redis.asyncio or a URL, not {type(client).__module__}."
                f"{type(client).__qualname__}"
            )

    async def create(self, key: str, record: Record) -> bool:
        now = time.time()
        arguments = writing(record, None, now)
        if record.owner is not None and arguments[-1] != OVER:
            await self._list(record.owner, key, record.expires_at, now)
            arguments.append(_LISTED)
        return await self._write(key, record, arguments, now)

    async def load(self, key: str) -> Record | None:
        return unpacked(await self._commands.get().ask(b"GET", self._prefix + key.encode()))

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        now = time.time()
        return await self._write(key, record, writing(record, expected, now), now)

    async def delete(self, key: str) -> None:
        owner = await self._run(DELETE, self._prefix + key.encode())
        if owner is not None:
            await self._commands.get().ask(b"ZREM", self._index(owner), key.encode())

    async def purge(self) -> int:
        return 0

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        now = time.time()
        commands = self._commands.get()
        keys = await commands.ask(b"ZRANGEBYSCORE", self._index(owner.encode()), b"(" + _number(now), b"+inf")
        found = []
        for start in range(0, len(keys), PIPELINE):
            batch = keys[start : start + PIPELINE]
            values = await commands.ask_all([(b"GET", self._prefix + key) for key in batch])
            found += [(key.decode(), unpacked(value)) for key, value in zip(batch, values, strict=True)]
        return [(key, record) for key, record in found if record is not None and record.owner == owner]

    async def delete_older(self, moment: float) -> int:
        deleted = 0
        async for names in all_of(self._commands.get(), self._prefix):
            deleted += await self._delete_older_of(names, moment)
        return deleted

    async def _delete_older_of(self, names: list[bytes], moment: float) -> int:
        """Of these names of keys; how many."""
        commands = self._commands.get()
        last = b"%d" % (HEAD.size + LONGEST_OWNER - 1)
        heads = await commands.ask_all([(b"GETRANGE", name, b"0", last) for name in names])
        older = list[bytes]()
        unlisted = list[tuple[bytes, bytes, bytes]]()
        for name, head in zip(names, heads, strict=True):
            if not head:  # it has gone meanwhile
                continue
            created_at, length = head_of(head)
            if created_at > moment:
                continue
            older.append(name)
            if length is not None:
                owner = head[HEAD.size : HEAD.size + length]
                if length > LONGEST_OWNER:
                    end = b"%d" % (HEAD.size + length - 1)
                    owner = await commands.ask(b"GETRANGE", name, b"%d" % HEAD.size, end)
                unlisted.append((b"ZREM", self._index(owner), name[len(self._prefix) :]))
        if not older:
            return 0
        # A key is never used twice and its record never gets younger: these are still the ones.
        answers = await commands.ask_all([*((b"DEL", name) for name in older), *unlisted])
        return sum(answers[: len(older)])

    async def count(self) -> int:
        counted = 0
        async for names in all_once(self._commands.get(), self._prefix):
            counted += len(names)
        return counted

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        commands = self._commands.get()
        async for names in all_once(commands, self._prefix):
            for start in range(0, len(names), PAGE):
                page = names[start : start + PAGE]
                values = await commands.ask_all([(b"GET", name) for name in page])
                for name, value in zip(page, values, strict=True):
                    if (record := unpacked(value)) is not None:
                        yield name[len(self._prefix) :].decode(), record

    async def close(self) -> None:
        if not self._given and (commands := self._commands.pop()) is not None:
            await commands.close()

    async def _write(self, key: str, record: Record, arguments: list[bytes], now: float) -> bool:
        name = self._prefix + key.encode()
        answer = await self._run(WRITE, name, *arguments)
        if answer == INDEX_FIRST and record.owner is not None:
            await self._list(record.owner, key, record.expires_at, now)
            answer = await self._run(WRITE, name, *arguments, _LISTED)
        if isinstance(answer, list):
            # Nothing follows a record that has expired as it was written. Another change of owner may be
            # changed back at any moment, so its entry stays: a missing one would hide a session.
            answer, owner = answer
            await self._commands.get().ask(b"ZREM", self._index(owner), key.encode())
        return bool(answer)

    async def _list(self, owner: str, key: str, expires_at: float, now: float) -> None:
        """Among the owner's sessions."""
        await self._run(INDEX, self._index(owner.encode()), key.encode(), _number(expires_at), _number(now))

    async def _run(self, script: Script, key: bytes, *arguments: bytes) -> Any:
        commands = self._commands.get()
        try:
            return await commands.ask(b"EVALSHA", script.sha, b"1", key, *arguments)
        except NoScriptError:  # a new server, or a new primary: this tells it the script
            return await commands.ask(b"EVAL", script.source, b"1", key, *arguments)

    def _index(self, owner: bytes) -> bytes:
        return self._prefix + b"owner:" + owner


_LISTED: Final = b"1"
"""Tells `WRITE` that the owner's index has the key already."""

_BYTES: Final = "RedisStore needs a client without decode_responses=True: records are bytes"


def _number(seconds: float) -> bytes:
    return repr(seconds).encode()


def _checked(url: str) -> tuple[str, bool]:
    """The URL as the client knows it, and whether it is a cluster's."""
    scheme, _, rest = url.partition("://")
    scheme, _, kind = scheme.lower().replace("valkeys", "rediss").replace("valkey", "redis").partition("+")
    try:
        if kind not in ("", "cluster"):
            raise ValueError
        options = parse_url(f"{scheme}://{rest}")
    except ValueError:  # its message may quote a part of the password
        raise ValueError("a Redis store's URL is redis://user:password@host:port/database") from None
    if options.get("decode_responses"):
        raise ValueError(_BYTES)
    return f"{scheme}://{rest}", kind == "cluster"


def _connect(url: str, cluster: bool) -> Commands:
    options = Options(url, at_once=MAX_CONNECTIONS, seconds=TIMEOUT)
    return Cluster(options) if cluster else Server(options)


def _by(client: Redis | RedisCluster) -> Commands:
    return ClusterClientCommands(client) if isinstance(client, RedisCluster) else ClientCommands(client)
