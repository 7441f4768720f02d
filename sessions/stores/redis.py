"""Sessions in Redis or Valkey, shared by any number of machines."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from hashlib import sha1
from math import ceil, inf
from typing import Any, Final

try:
    from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
    from redis.asyncio.connection import parse_url
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as RedisConnectionError
    from redis.exceptions import NoScriptError, RedisClusterException, RedisError
    from redis.exceptions import TimeoutError as RedisTimeoutError
except ModuleNotFoundError:
    raise ImportError('RedisStore needs the redis client: pip install "sessions[redis]"') from None

from sessions._record import Record
from sessions.errors import StoreUnavailable
from sessions.stores.base import MAX_BYTES, Store, checked_size
from sessions.stores.loops import PerLoop

TIMEOUT: Final = 5.0
"""Seconds to connect, to wait for an answer, and to wait for a free connection, in clients that we make."""

MAX_CONNECTIONS: Final = 50
"""In clients that we make; more commands at a time wait for a free one."""

PIPELINE: Final = 500
"""Records that are asked for in one go when an owner's sessions are listed."""

PAGE: Final = 200
"""Records that are asked for in one go when all are listed."""

KEYS_AT_ONCE: Final = 200_000
"""Keys that a walk through all of them remembers, some 20 MB. Of more it makes several walks, each through
another part of them."""

FOREVER: Final = 10**15
"""Milliseconds (31,000 years), the longest time to live that is set; Redis refuses what overflows."""

INDEX_MARGIN: Final = 60_000
"""Milliseconds that an owner's index outlives the last record in it; it is written before the record."""


class _Script:
    """Runs in the server, atomically, and touches the one key it is given, so that clusters run it too."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()
        self.sha = sha1(self.source).hexdigest()  # noqa: S324 (the name that Redis gives it)


_WRITE: Final = _Script("""
local expected, now, ttl = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local version, expires, owner = unpack(redis.call('HMGET', KEYS[1], 'v', 'e', 'o'))
local alive = version and (expires == 'inf' or tonumber(expires) > now)
if expected == '' then
    if alive then return {0} end
elseif not alive or version ~= expected then
    return {0}
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'p', ARGV[4], 'c', ARGV[5], 'e', ARGV[6], 'v', ARGV[7])
if ARGV[8] then redis.call('HSET', KEYS[1], 'o', ARGV[8]) end
if ttl ~= '' then redis.call('PEXPIRE', KEYS[1], ttl) end
return {1, owner}
""")

_DELETE: Final = _Script("""
local owner = redis.call('HGET', KEYS[1], 'o')
redis.call('DEL', KEYS[1])
return owner
""")

# The index is a sorted set of keys, by when their record expires at the latest.
_INDEX: Final = _Script(f"""
local now = tonumber(ARGV[3])
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
if last == 'inf' then
    redis.call('PERSIST', KEYS[1])
elseif last then
    local ttl = math.min(math.ceil((tonumber(last) - now) * 1000) + {INDEX_MARGIN}, {FOREVER})
    redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ttl))
end
""")


class RedisStore(Store):
    """One hash per session, which Redis removes by itself when it expires; a purge has nothing to do.

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
        self._given: Redis | RedisCluster | None = None
        if isinstance(client, str):
            url, cluster = _checked(client)
            self._own = PerLoop(lambda: _connect(url, cluster))
        elif isinstance(client, Redis | RedisCluster):
            if client.get_encoder().decode_responses:
                raise ValueError(_BYTES)
            self._given = client
        else:
            raise TypeError(
                f"RedisStore takes a client of redis.asyncio or a URL, not {type(client).__module__}."
                f"{type(client).__qualname__}"
            )

    async def create(self, key: str, record: Record) -> bool:
        return await self._write(key, record, "")

    async def load(self, key: str) -> Record | None:
        return _record(await self._command("HMGET", self._key(key), *_FIELDS))

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        return await self._write(key, record, str(expected))

    async def delete(self, key: str) -> None:
        owner = await self._run(_DELETE, self._key(key))
        if owner is not None:
            await self._command("ZREM", self._index(owner), key)

    async def purge(self) -> int:
        return 0

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        now = time.time()
        keys = await self._command("ZRANGEBYSCORE", self._index(owner.encode()), f"({now!r}", "+inf")
        found = []
        for start in range(0, len(keys), PIPELINE):
            batch = [key.decode() for key in keys[start : start + PIPELINE]]
            records = [_record(fields) for fields in await self._load_all(batch)]
            found += [(key, record) for key, record in zip(batch, records, strict=True) if record is not None]
        return [(key, record) for key, record in found if record.owner == owner]

    async def delete_older(self, moment: float) -> int:
        deleted = 0
        async for names in self._walk(""):
            try:
                deleted += await self._delete_older_of(names, moment)
            except _AWAY as fault:
                raise _unavailable(fault) from None
        return deleted

    async def _delete_older_of(self, names: list[bytes], moment: float) -> int:
        """Of these names of keys; how many."""
        async with self._client().pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.execute_command("HMGET", name, "c", "o")
            found = await pipeline.execute()
        older = [
            (name, owner)
            for name, (created_at, owner) in zip(names, found, strict=True)
            if created_at is not None and float(created_at) <= moment
        ]
        if not older:
            return 0
        # A key is never used twice and its record never gets younger: these are still the ones.
        async with self._client().pipeline(transaction=False) as pipeline:
            for name, _ in older:
                pipeline.execute_command("DEL", name)
            for name, owner in older:
                if owner is not None:
                    pipeline.execute_command("ZREM", self._index(owner), name[len(self._prefix) :])
            return sum((await pipeline.execute())[: len(older)])

    async def count(self) -> int:
        counted = 0
        async for names in self._walk_once():
            counted += len(names)
        return counted

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        async for names in self._walk_once():
            keys = [name[len(self._prefix) :].decode() for name in names]
            for start in range(0, len(keys), PAGE):
                page = keys[start : start + PAGE]
                for key, fields in zip(page, await self._load_all(page), strict=True):
                    if (record := _record(fields)) is not None:
                        yield key, record

    async def _walk_once(self) -> AsyncIterator[list[bytes]]:
        """The names of all keys, in portions, each once.

        SCAN tells a key again when the server moves its table, so what was told has to be remembered.
        """
        for beginning in _parts(await self._size()):
            told = set[bytes]()
            async for names in self._walk(beginning):
                # Half of a key, 128 random bits, is enough to tell it from the others.
                new = {name[-KEY_LENGTH // 2 :]: name for name in names}
                yield [name for half, name in new.items() if half not in told]
                told.update(new)

    async def _walk(self, beginning: str) -> AsyncIterator[list[bytes]]:
        """The names of all keys that begin so, in portions; some of them perhaps more than once."""
        names = list[bytes]()
        # The prefix stands for itself, and for no pattern.
        pattern = re.sub(rb"([][?*\\^])", rb"\\\1", self._prefix) + beginning.encode()
        pattern += b"?" * (KEY_LENGTH - len(beginning))
        try:
            async for name in self._client().scan_iter(match=pattern, count=PIPELINE):
                if _IS_KEY(name[len(self._prefix) :]):  # and no record of a store whose prefix begins so
                    names.append(name)
                if len(names) == PIPELINE:
                    yield names
                    names = []
        except _AWAY as fault:
            raise _unavailable(fault) from None
        if names:
            yield names

    async def _size(self) -> int:
        """How many keys the server has, those of other apps too."""
        try:
            return int(await self._client().dbsize())
        except _AWAY as fault:
            raise _unavailable(fault) from None

    async def close(self) -> None:
        if self._given is None and (client := self._own.pop()) is not None:
            await client.aclose()

    async def _write(self, key: str, record: Record, expected: str) -> bool:
        now = time.time()
        arguments: list[str | bytes] = [
            expected,
            repr(now),
            _time_to_live(record.expires_at, now),
            record.payload,
            repr(record.created_at),
            repr(record.expires_at),
            str(record.version),
        ]
        if record.owner is not None:
            owner = record.owner.encode()
            arguments.append(owner)
            await self._run(_INDEX, self._index(owner), key, repr(record.expires_at), repr(now))
        written, *former = await self._run(_WRITE, self._key(key), *arguments)
        # Nothing follows a record that has expired as it was written. Another change of owner may be changed
        # back at any moment, so its entry stays: a missing one would hide a session.
        if written and record.expires_at <= now and former and former[0] is not None:
            await self._command("ZREM", self._index(former[0]), key)
        return bool(written)

    async def _load_all(self, keys: list[str]) -> list[list[bytes | None]]:
        try:
            async with self._client().pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.execute_command("HMGET", self._key(key), *_FIELDS)
                return await pipeline.execute()
        except _AWAY as fault:
            raise _unavailable(fault) from None

    async def _run(self, script: _Script, key: bytes, *arguments: str | bytes) -> Any:
        try:
            try:
                return await self._client().execute_command("EVALSHA", script.sha, 1, key, *arguments)
            except NoScriptError:  # a new server, or a new primary: this tells it the script
                return await self._client().execute_command("EVAL", script.source, 1, key, *arguments)
        except _AWAY as fault:
            raise _unavailable(fault) from None

    async def _command(self, *parts: str | bytes) -> Any:
        try:
            return await self._client().execute_command(*parts)
        except _AWAY as fault:
            raise _unavailable(fault) from None

    def _client(self) -> Redis | RedisCluster:
        return self._own.get() if self._given is None else self._given

    def _key(self, key: str) -> bytes:
        return self._prefix + key.encode()

    def _index(self, owner: bytes) -> bytes:
        return self._prefix + b"owner:" + owner


KEY_LENGTH: Final = 64
_IS_KEY: Final = re.compile(rb"[0-9a-f]{64}").fullmatch

_FIELDS: Final = ("p", "c", "e", "v", "o")

_BYTES: Final = "RedisStore needs a client without decode_responses=True: records are bytes"

_AWAY: Final = (RedisError, RedisClusterException, OSError)


def _parts(size: int) -> list[str]:
    """How the keys of each part begin: of so many that no part has many more than `KEYS_AT_ONCE`."""
    digits = 0
    while size > KEYS_AT_ONCE * 16**digits:
        digits += 1
    return [format(number, f"0{digits}x") if digits else "" for number in range(16**digits)]


def _record(fields: list[bytes | None]) -> Record | None:
    payload, created_at, expires_at, version, owner = fields
    if payload is None or created_at is None or expires_at is None or version is None:
        return None
    record = Record(
        payload,
        float(created_at),
        float(expires_at),
        int(version),
        None if owner is None else owner.decode(),
    )
    return record if record.expires_at > time.time() else None


def _time_to_live(expires_at: float, now: float) -> str:
    """Milliseconds from now on, so that a server whose clock is off does not end sessions early."""
    return "" if expires_at == inf else str(ceil(min(max((expires_at - now) * 1000, 0), FOREVER)))


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


def _connect(url: str, cluster: bool) -> Redis | RedisCluster:
    options: dict[str, Any] = {
        "max_connections": MAX_CONNECTIONS,
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
    }
    if cluster:
        return RedisCluster.from_url(url, **options)
    # Once and at once, for connections that went stale: a browser waits for the answer.
    options |= {"timeout": TIMEOUT, "retry": Retry(NoBackoff(), 1), **parse_url(url)}
    return Redis.from_pool(BlockingConnectionPool(**options))


def _unavailable(fault: Exception) -> StoreUnavailable:
    """To be raised `from None`: a traceback would show the client's own messages and arguments.

    A connection's messages speak of hosts and ports; of others only the leading error code is passed on,
    as Redis may quote a command's arguments after it."""
    text = str(fault)
    if not isinstance(fault, RedisConnectionError | RedisTimeoutError | OSError):
        code = text.partition(" ")[0]
        text = code if code.isupper() else ""
    return StoreUnavailable(f"Redis: {type(fault).__name__}" + (f": {text}" if text else ""))
