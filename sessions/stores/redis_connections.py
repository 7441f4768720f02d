"""Connections to one Redis server, which the store opens itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError

from sessions.stores.redis_commands import Command
from sessions.stores.redis_faults import AWAY, DEMOTED, unavailable


class Connections:
    """Single connections of redis-py, without its client: that takes as long for itself as for the command.

    A command is sent once more, at once and over a new connection, if its connection breaks, or leads to a
    server that is no primary any more. One time limit is for all of it.
    """

    def __init__(self, url: str, *, at_once: int, seconds: float) -> None:
        """`at_once`: commands, and so connections; more wait. `seconds`: that anybody waits for an answer.

        The URL's own `max_connections` and `socket_timeout` come first. Raises `ValueError` for a wrong URL.
        """
        options: dict[str, Any] = dict(parse_url(url))
        self._slots = asyncio.Semaphore(options.pop("max_connections", at_once))
        self._seconds: float = options.pop("socket_timeout", seconds)
        options.pop("timeout", None)
        self._kind: type[AbstractConnection] = options.pop("connection_class", Connection)
        # Without time limits of its own: each read and each write would set up another one.
        unlimited = {"socket_timeout": None, "socket_connect_timeout": None, "retry": Retry(NoBackoff(), 0)}
        self._options = {"protocol": 2, **options, **unlimited}
        self._idle: list[AbstractConnection] = []

    async def ask(self, *command: bytes) -> Any:
        return (await self._exchange(_encoded(command), 1))[0]

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        return await self._exchange(b"".join(map(_encoded, commands)), len(commands))

    async def names(self, pattern: bytes, count: int) -> AsyncIterator[bytes]:
        cursor = b"0"
        while True:
            cursor, names = await self.ask(b"SCAN", cursor, b"MATCH", pattern, b"COUNT", b"%d" % count)
            for name in names:
                yield name
            if cursor == b"0":
                return

    async def size(self) -> int:
        return int(await self.ask(b"DBSIZE"))

    async def close(self) -> None:
        await self._drop()

    async def _exchange(self, commands: bytes, number: int) -> list[Any]:
        try:
            async with asyncio.timeout(self._seconds):
                await self._slots.acquire()
                try:
                    return await self._twice(commands, number)
                finally:
                    self._slots.release()
        except NoScriptError:
            raise
        except AWAY as fault:
            raise unavailable(fault) from None

    async def _twice(self, commands: bytes, number: int) -> list[Any]:
        idle = self._idle
        try:
            return await self._once(idle.pop() if idle else self._new(), commands, number)
        except DEMOTED:
            await self._drop()
        except (RedisConnectionError, OSError):
            pass
        return await self._once(self._new(), commands, number)

    async def _once(self, connection: AbstractConnection, commands: bytes, number: int) -> list[Any]:
        idle = self._idle
        try:
            await connection.send_packed_command(commands)
            answers = [await connection.read_response() for _ in range(number)]
        except BaseException as fault:
            # Of several answers the rest is still to come.
            if isinstance(fault, ResponseError) and number == 1 and idle is self._idle:
                idle.append(connection)
            else:
                await connection.disconnect(nowait=True)
            raise
        if idle is self._idle:
            idle.append(connection)
        else:
            await connection.disconnect(nowait=True)
        return answers

    async def _drop(self) -> None:
        """Close all connections, those in use as soon as they are not."""
        dropped, self._idle = self._idle, []
        for connection in dropped:
            await connection.disconnect(nowait=True)

    def _new(self) -> AbstractConnection:
        return self._kind(**self._options)


def _encoded(command: Command) -> bytes:
    """As Redis reads it: an array of strings, each with its length (RESP, "Sending commands to a server")."""
    parts = [b"*%d\r\n" % len(command)]
    for part in command:
        parts.append(b"$%d\r\n%b\r\n" % (len(part), part))
    return b"".join(parts)
