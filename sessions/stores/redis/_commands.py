"""Commands for Redis, through a client of redis-py: the app's own, or one for a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError

from sessions.stores.redis._faults import AWAY, DEMOTED, unavailable

Command = Sequence[bytes]

RECONNECTS: Final = 4
"""How often a call is made anew, over new connections, that led to a server which is no primary any more. A
client's other calls may give back old connections in between."""

Call = Callable[[], Awaitable[Any]]


class Commands(Protocol):
    """Each method raises `StoreUnavailable`; `ask` lets an unknown script through as `NoScriptError`."""

    async def ask(self, *command: bytes) -> Any: ...

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """The answers in this order. They may be of several servers, and are no transaction."""
        ...

    def names(self, pattern: bytes, count: int) -> AsyncIterator[bytes]:
        """The names of all keys like this, some perhaps twice. The server looks at `count` at a time."""
        ...

    async def size(self) -> int:
        """How many keys there are, those of other apps too."""
        ...

    async def close(self) -> None: ...


class ClientCommands:
    """By a client of the app's own, as it is, with its time-outs and retries."""

    def __init__(self, client: Redis | RedisCluster) -> None:
        self._client = client

    async def ask(self, *command: bytes) -> Any:
        # As text: a cluster's client finds the node by it.
        name, *arguments = command
        return await self._call(lambda: self._client.execute_command(name.decode(), *arguments))

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        async def ask() -> list[Any]:
            async with self._client.pipeline(transaction=False) as pipeline:
                for name, *arguments in commands:
                    pipeline.execute_command(name.decode(), *arguments)
                return await pipeline.execute()

        answers: list[Any] = await self._call(ask)
        return answers

    async def names(self, pattern: bytes, count: int) -> AsyncIterator[bytes]:
        try:
            async for name in self._client.scan_iter(match=pattern, count=count):
                yield name
        except AWAY as fault:
            raise unavailable(fault) from None

    async def size(self) -> int:
        return int(await self._call(self._client.dbsize))

    async def close(self) -> None:
        await self._client.aclose()

    async def _call(self, call: Call) -> Any:
        try:
            for _ in range(RECONNECTS):
                try:
                    return await call()
                except DEMOTED:
                    await self._leave_replica()
            return await call()
        except NoScriptError:
            raise
        except AWAY as fault:
            raise unavailable(fault) from None

    async def _leave_replica(self) -> None:
        if isinstance(self._client, Redis):  # a cluster's client asks where the primary is by itself
            await self._client.connection_pool.disconnect(inuse_connections=False)


class ClusterClientCommands(ClientCommands):
    """By a client of the app's own for a cluster. Who calls may be cancelled; what the client does is not.

    Before redis-py 8.0.1 a command that is cancelled keeps its connection for ever, and a client for a
    cluster allows so many of a node.
    """

    async def _call(self, call: Call) -> Any:
        task = asyncio.ensure_future(super()._call(call))
        task.add_done_callback(_look_at)
        try:
            return await asyncio.shield(task)
        except AttributeError as fault:
            # Another call of the client's has closed the connection that this one was just opening.
            raise unavailable(fault) from None


def _look_at(task: asyncio.Future[Any]) -> None:
    """So that nobody complains of a fault that was never looked at, if the caller has left."""
    if not task.cancelled():
        task.exception()
