"""A record as one value of Redis, and the scripts that write it.

    byte 0          1, the number of this format
    bytes 1 to 8    the version, an integer
    bytes 9 to 16   `created_at`, a double, in seconds since the epoch
    bytes 17 to 24  `expires_at`, likewise
    bytes 25 to 28  the length of the owner in bytes; 2³² - 1 if there is no owner
    then            the owner as UTF-8, and the payload

Numbers are big-endian. With one value a read is a GET, and a write looks at the fixed places of what is
there and sets the whole.
"""

from __future__ import annotations

import time
from hashlib import sha1
from math import ceil, inf
from struct import Struct
from typing import Final

from sessions._record import Record
from sessions.errors import StoreUnavailable

FORMAT: Final = 1

HEAD: Final = Struct(">BqddI")

LONGEST_OWNER: Final = 1000
"""Bytes of an owner that are asked for along with a head; a longer one costs a second look."""

FOREVER: Final = 10**15
"""Milliseconds (31,000 years), the longest time to live that is set; Redis refuses what overflows."""

INDEX_MARGIN: Final = 60_000
"""Milliseconds that an owner's index outlives the last record in it; it is written before the record."""

NEW: Final = b""
"""In place of the version that a write expects: there must be no record."""

NOT_WRITTEN: Final = 0
WRITTEN: Final = 1
INDEX_FIRST: Final = 2
"""What `WRITE` answers: other than expected; done; not done yet, as the owner's index comes before."""

OVER: Final = b"0"
"""The time to live of a record that has expired as it is written."""

_NOBODY: Final = 0xFFFFFFFF
_VERSION: Final = Struct(">q")
_TIME: Final = Struct(">d")


class Script:
    """Runs in the server, atomically, and touches the one key it is given, so that clusters run it too."""

    def __init__(self, source: str) -> None:
        self.source = source.encode()
        self.sha = sha1(self.source).hexdigest().encode()  # noqa: S324 (the name that Redis gives it)


_KNOWN: Final = f"""
    if string.byte(head) ~= {FORMAT} or #head < {HEAD.size} then
        return redis.error_reply('WRONGTYPE no record of a session')
    end
"""

# Its first command that writes is a SET, which a server refuses that has no memory left, or a DEL of what is
# over. After a DEL or an EXPIRE it would let a SET through.
WRITE: Final = Script(f"""
local value, expected, now, ttl, indexed = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local length = struct.unpack('>I4', value, 26)
local owned = length ~= {_NOBODY}
local owner = string.sub(value, 26, {HEAD.size} + (owned and length or 0))
local head = redis.call('GETRANGE', KEYS[1], 0, 24 + #owner)
local ends = 0
if head ~= '' then {_KNOWN}
    ends = struct.unpack('>d', head, 18)
end
local alive = head ~= '' and ends > struct.unpack('>d', now)
if expected == '{NEW.decode()}' then
    if alive then return {NOT_WRITTEN} end
elseif not alive or string.sub(head, 2, 9) ~= expected then
    return {NOT_WRITTEN}
end
if ttl == '{OVER.decode()}' then
    local former = alive and struct.unpack('>I4', head, 26) or {_NOBODY}
    if former ~= {_NOBODY} then
        former = redis.call('GETRANGE', KEYS[1], {HEAD.size}, {HEAD.size - 1} + former)
        redis.call('DEL', KEYS[1])
        return {{{WRITTEN}, former}}
    end
    redis.call('DEL', KEYS[1])
    return {WRITTEN}
end
if owned and not indexed and not (alive and struct.unpack('>d', value, 18) <= ends
        and string.sub(head, 26) == owner) then
    return {INDEX_FIRST}
end
if ttl == '' then
    redis.call('SET', KEYS[1], value)
else
    redis.call('SET', KEYS[1], value, 'PX', ttl)
end
return {WRITTEN}
""")

DELETE: Final = Script(f"""
local head = redis.call('GETRANGE', KEYS[1], 0, {HEAD.size - 1})
if head == '' then return false end {_KNOWN}
local owner, length = false, struct.unpack('>I4', head, 26)
if length ~= {_NOBODY} then
    owner = redis.call('GETRANGE', KEYS[1], {HEAD.size}, {HEAD.size - 1} + length)
end
redis.call('DEL', KEYS[1])
return owner
""")

# The index is a sorted set of keys, by when their record expires at the latest.
INDEX: Final = Script(f"""
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


def packed(record: Record) -> bytes:
    times = record.created_at, record.expires_at
    if record.owner is None:
        return HEAD.pack(FORMAT, record.version, *times, _NOBODY) + record.payload
    owner = record.owner.encode()
    return b"".join((HEAD.pack(FORMAT, record.version, *times, len(owner)), owner, record.payload))


def unpacked(value: bytes | None) -> Record | None:
    """None if there is none, or one that has expired. Raises `StoreUnavailable` for what is no record."""
    if value is None:
        return None
    if len(value) < HEAD.size or value[0] != FORMAT:
        raise StoreUnavailable("Redis: WRONGTYPE")
    _, version, created_at, expires_at, length = HEAD.unpack_from(value)
    if expires_at <= time.time():
        return None
    if length == _NOBODY:
        return Record(value[HEAD.size :], created_at, expires_at, version, None)
    end = HEAD.size + length
    return Record(value[end:], created_at, expires_at, version, value[HEAD.size : end].decode())


def head_of(value: bytes) -> tuple[float, int | None]:
    """`created_at`, and the length of the owner, of a value that begins so.

    Raises `StoreUnavailable` for what is no record.
    """
    if len(value) < HEAD.size or value[0] != FORMAT:
        raise StoreUnavailable("Redis: WRONGTYPE")
    _, _, created_at, _, length = HEAD.unpack_from(value)
    return created_at, None if length == _NOBODY else length


def writing(record: Record, expected: int | None, now: float) -> list[bytes]:
    """What `WRITE` is told; for a new record nothing is expected."""
    return [
        packed(record),
        NEW if expected is None else _VERSION.pack(expected),
        _TIME.pack(now),
        time_to_live(record.expires_at, now),
    ]


def time_to_live(expires_at: float, now: float) -> bytes:
    """Milliseconds from now on, so that a server whose clock is off does not end sessions early."""
    return b"" if expires_at == inf else b"%d" % ceil(min(max((expires_at - now) * 1000, 0), FOREVER))
