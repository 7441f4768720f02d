"""Commands for a Redis cluster, over connections that the store opens itself.

Each command goes to the primary that has the slot of its key. Who that is, a cluster tells (`CLUSTER SLOTS`)
and corrects (`MOVED`, `ASK`; "Redirection and resharding" in Redis' cluster specification).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, NoScriptError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from sessions.errors import StoreUnavailable
from sessions.stores.redis._commands import Command
from sessions.stores.redis._connections import Connections, Options
from sessions.stores.redis._faults import AWAY, unavailable

PAUSE: Final = 0.05
"""Seconds until the cluster is asked again who has a slot, if that node is away or does not know."""

Node = tuple[str, int]


class Cluster:
    """What a node cannot answer is asked again until the time limit: soon a replica takes over."""

    def __init__(self, options: Options) -> None:
        self._options = options
        settings = options.connection
        self._first: Node = (settings.get("host", "localhost"), settings.get("port", 6379))
        self._teller = self._first
        """Who told last who has which slot."""
        self._nodes: dict[Node, Connections] = {}
        self._slots: list[Node] = []
        """Of each slot the primary; empty if it has to be asked for anew."""
        self._asking: asyncio.Future[None] | None = None

    async def ask(self, *command: bytes) -> Any:
        try:
            async with asyncio.timeout(self._options.seconds):
                return await self._until_done(command)
        except NoScriptError:
            raise
        except AWAY as fault:
            if isinstance(fault, TimeoutError):
                self._slots = []  # whoever has the slot may be away
            raise unavailable(fault) from None

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        answers: list[Any] = [None] * len(commands)

        async def ask(node: Node, numbers: list[int]) -> None:
            try:
                async with asyncio.timeout(self._options.seconds):
                    found = await self._of(node).exchange(*(commands[number] for number in numbers))
            except AWAY:  # perhaps only one of them has moved
                found = [await self.ask(*commands[number]) for number in numbers]
            for number, answer in zip(numbers, found, strict=True):
                answers[number] = answer

        slots = await self._known_slots()
        of_node: dict[Node, list[int]] = {}
        for number, command in enumerate(commands):
            of_node.setdefault(slots[_slot(command)], []).append(number)
        await asyncio.gather(*(ask(node, numbers) for node, numbers in of_node.items()))
        return answers

    async def names(self, pattern: bytes, count: int) -> AsyncIterator[bytes]:
        before = await self._known_slots()
        for node in sorted(set(before)):
            cursor = b"0"
            while True:
                cursor, names = await self._ask_node(
                    node, b"SCAN", cursor, b"MATCH", pattern, b"COUNT", b"%d" % count
                )
                for name in names:
                    yield name
                if cursor == b"0":
                    break
        self._slots = []
        if await self._known_slots() != before:
            raise StoreUnavailable("Redis: slots of the cluster moved while all its keys were gone through")

    async def size(self) -> int:
        nodes = set(await self._known_slots())
        return sum([int(await self._ask_node(node, b"DBSIZE")) for node in nodes])

    async def close(self) -> None:
        for connections in self._nodes.values():
            await connections.close()

    async def _until_done(self, command: Command) -> Any:
        slot, node, asking = _slot(command), None, False
        while True:
            if node is None:
                node = (self._slots or await self._find())[slot]
            try:
                if asking:
                    return (await self._of(node).exchange((b"ASKING",), command))[1]
                return (await self._of(node).exchange(command))[0]
            except MovedError as moved:
                self._slots = []
                node, asking = (moved.host or node[0], moved.port), False
            except AskError as ask:
                node, asking = (ask.host or node[0], ask.port), True
            except (RedisConnectionError, OSError, ClusterDownError, TryAgainError):
                await asyncio.sleep(PAUSE)
                self._slots, node, asking = [], None, False

    async def _ask_node(self, node: Node, *command: bytes) -> Any:
        try:
            async with asyncio.timeout(self._options.seconds):
                return (await self._of(node).exchange(command))[0]
        except AWAY as fault:
            self._slots = []
            raise unavailable(fault) from None

    async def _known_slots(self) -> list[Node]:
        try:
            async with asyncio.timeout(self._options.seconds):
                return self._slots or await self._find()
        except AWAY as fault:
            raise unavailable(fault) from None

    async def _find(self) -> list[Node]:
        """Ask who has which slot. Of many who want to know at once one asks, for as long as it can wait."""
        while not self._slots:
            if self._asking is None:
                self._asking = asyncio.get_running_loop().create_future()
                try:
                    self._slots = await self._told()
                finally:
                    self._asking.set_result(None)
                    self._asking = None
            else:
                await asyncio.shield(self._asking)
        return self._slots

    async def _told(self) -> list[Node]:
        """By the first node that answers and knows all of them."""
        fault: Exception = ClusterDownError("CLUSTERDOWN no node knows all slots")
        for node in dict.fromkeys([self._teller, *self._nodes, self._first]):
            try:
                async with asyncio.timeout(self._options.seconds / 4):
                    (ranges,) = await self._of(node).exchange((b"CLUSTER", b"SLOTS"))
            except AWAY as its_fault:
                fault = its_fault
                continue
            slots: list[Node] = []
            for begin, end, (host, port, *_), *_ in sorted(ranges, key=lambda each: int(each[0])):
                if begin == len(slots):
                    # A node that does not know its own address has an empty one.
                    slots += [(host.decode() if host else node[0], port)] * (end - begin + 1)
            if len(slots) == _ALL_SLOTS:
                self._teller = node
                await self._forget_others({node, *slots})
                return slots
        raise fault

    async def _forget_others(self, nodes: set[Node]) -> None:
        for node in [node for node in self._nodes if node not in nodes]:
            await self._nodes.pop(node).close()

    def _of(self, node: Node) -> Connections:
        connections = self._nodes.get(node)
        if connections is None:
            host, port = node
            connections = self._nodes[node] = Connections(self._options, host=host, port=port)
        return connections


_ALL_SLOTS: Final = 16384


def _slot(command: Command) -> int:
    """Of the one key of a command."""
    return key_slot(command[3] if command[0] in (b"EVALSHA", b"EVAL") else command[1])
