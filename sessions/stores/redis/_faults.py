"""What goes wrong with a Redis server, told as `StoreUnavailable`."""

from __future__ import annotations

from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MasterDownError, ReadOnlyError, RedisClusterException, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from sessions.errors import StoreUnavailable

AWAY: Final = (RedisError, RedisClusterException, OSError)

DEMOTED: Final = (ReadOnlyError, MasterDownError)
"""The server is a replica, and no primary any more. A new connection may find the one that is."""


def unavailable(fault: Exception) -> StoreUnavailable:
    """To be raised `from None`: a traceback would show the client's own messages and arguments.

    A connection's messages speak of hosts and ports; of others only the leading error code is passed on,
    as Redis may quote a command's arguments after it."""
    text = str(fault)
    if not isinstance(fault, RedisConnectionError | RedisTimeoutError | OSError):
        code = text.partition(" ")[0]
        text = code if code.isupper() else ""
    return StoreUnavailable(f"Redis: {type(fault).__name__}" + (f": {text}" if text else ""))
