"""Connections to one Redis server, which the store opens itself."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from sessions.stores.redis._commands import Command
from sessions.stores.redis._faults import DEMOTED

_SET_BY_US: Final = ("max_connections", "socket_timeout", "socket_connect_timeout", "timeout", "retry")


class Options:
    """What a URL says. Its `max_connections` and `socket_timeout` come before the store's own."""

    def __init__(self, url: str, *, at_once: int, seconds: float) -> None:
        """Raises `ValueError` for a wrong URL."""
        options: dict[str, Any] = dict(parse_url(url))
        self.at_once: int = options.get("max_connections", at_once)
        self.seconds: float = options.get("socket_timeout", seconds)
        self.connection = {name: value for name, value in options.items() if name not in _SET_BY_US}


class Connections:
    """Single connections of redis-py, without its client: that takes as long for itself as for the command.

    Commands are sent once more, at once and over a new connection, if their connection breaks, or leads to
    a server that is no primary any more. Who calls sets a time limit.
    """

    def __init__(self, options: Options, **place: Any) -> None:
        """`place`: other than the one of the URL."""
        self._slots = asyncio.Semaphore(options.at_once)
        settings = {"protocol": 2, **options.connection, **place}
        self._kind: type[AbstractConnection] = settings.pop("connection_class", Connection)
        # Without time limits of its own: each read and each write would set up another one.
        unlimited = {"socket_timeout": None, "socket_connect_timeout": None, "retry": Retry(NoBackoff(), 0)}
        self._settings = {**settings, **unlimited}
        self._idle: list[AbstractConnection] = []

    async def exchange(self, *commands: Command) -> list[Any]:
        """The answers. Raises what redis-py raises, and of several answers the first that is an error."""
        await self._slots.acquire()
        try:
            return await self._twice(b"".join(map(_encoded, commands)), len(commands))
        finally:
            self._slots.release()

    async def close(self) -> None:
        """All connections, those in use as soon as they are not. A later call opens others."""
        closed, self._idle = self._idle, []
        for connection in closed:
            await connection.disconnect(nowait=True)

    async def _twice(self, commands: bytes, number: int) -> list[Any]:
        idle = self._idle
        try:
            return await self._once(idle.pop() if idle else self._new(), commands, number)
        except DEMOTED:
            await self.close()
        except (RedisConnectionError, OSError):
            pass
        return await self._once(self._new(), commands, number)

    async def _once(self, connection: AbstractConnection, commands: bytes, number: int) -> list[Any]:
        idle = self._idle
        try:
            await connection.send_packed_command(commands)
            answers = [await connection.read_response() for _ in range(number)]
        except BaseException as fault:
            if isinstance(fault, ResponseError) and number == 1 and idle is self._idle:
                idle.append(connection)
            else:  # of several answers the rest is still to come
                await connection.disconnect(nowait=True)
            raise
        if idle is self._idle:
            idle.append(connection)
        else:
            await connection.disconnect(nowait=True)
        return answers

    def _new(self) -> AbstractConnection:
        return self._kind(**self._settings)


def _encoded(command: Command) -> bytes:
    """As Redis reads it: an array of strings, each with its length (RESP, "Sending commands to a server")."""
    parts = [b"*%d\r\n" % len(command)]
    for part in command:
        parts.append(b"$%d\r\n%b\r\n" % (len(part), part))
    return b"".join(parts)
