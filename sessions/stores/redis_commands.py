"""Commands for Redis, through a client of redis-py: the app's own, or one for a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from redis.asyncio import Redis, RedisCluster
from redis.exceptions import NoScriptError

from sessions.stores.redis_faults import AWAY, DEMOTED, unavailable

Command = Sequence[bytes]

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
            try:
                return await call()
            except DEMOTED:
                if isinstance(self._client, Redis):  # a cluster's client asks where the primary is by itself
                    await self._client.connection_pool.disconnect(inuse_connections=False)
                return await call()
        except NoScriptError:
            raise
        except AWAY as fault:
            raise unavailable(fault) from None


class ClusterCommands(ClientCommands):
    """By a client for a cluster. Whoever calls may be cancelled; what the client does is not.

    Before redis-py 8.0.1 a command that is cancelled keeps its connection for ever, and a client for a
    cluster allows so many of a node.
    """

    def __init__(
        self, client: RedisCluster, *, at_once: int | None = None, seconds: float | None = None
    ) -> None:
        """`at_once`: commands; more wait. `seconds`: that anybody waits for an answer, with all retries."""
        super().__init__(client)
        self._slots = None if at_once is None else asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def _call(self, call: Call) -> Any:
        try:
            async with asyncio.timeout(self._seconds):
                if self._slots is not None:
                    await self._slots.acquire()
                task = asyncio.ensure_future(super()._call(call))
                task.add_done_callback(self._done)
                return await asyncio.shield(task)
        except TimeoutError as fault:
            raise unavailable(fault) from None

    def _done(self, task: asyncio.Future[Any]) -> None:
        if self._slots is not None:
            self._slots.release()
        if not task.cancelled():
            task.exception()  # so that nobody complains of it if the caller has left
