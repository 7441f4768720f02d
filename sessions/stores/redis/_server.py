"""Commands for one Redis server, over connections that the store opens itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.exceptions import NoScriptError

from sessions.stores.redis._commands import Command
from sessions.stores.redis._connections import Connections, Options
from sessions.stores.redis._faults import AWAY, unavailable


class Server:
    def __init__(self, options: Options) -> None:
        self._seconds = options.seconds
        self._connections = Connections(options)

    async def ask(self, *command: bytes) -> Any:
        return (await self.ask_all((command,)))[0]

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._connections.exchange(*commands)
        except NoScriptError:
            raise
        except AWAY as fault:
            raise unavailable(fault) from None

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
        await self._connections.close()
