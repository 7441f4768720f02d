"""A cluster of Valkey: three primaries with a replica each, on six ports of the loopback interface."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from services.service import STARTUP, ServiceFailed, StartedInBlock, free_port, write_private
from services.valkey import Valkey

SLOTS = 16384

PRIMARIES = 3

NODE_TIMEOUT = 1000
"""Milliseconds of silence after which the others hold a node to be dead."""


class Node(Valkey):
    def __init__(self, password: str) -> None:
        self._shared = password
        self.bus_port = free_port()
        super().__init__()

    def prepare(self) -> None:
        self.password = self._shared
        write_private(
            self.folder / "valkey.conf", f"requirepass {self.password}\nmasterauth {self.password}\n"
        )

    def command(self) -> list[str]:
        return [
            *super().command(),
            *("--cluster-enabled", "yes", "--cluster-port", str(self.bus_port)),
            *("--cluster-announce-ip", "127.0.0.1", "--cluster-node-timeout", str(NODE_TIMEOUT)),
            *("--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"),
        ]

    @contextmanager
    def told(self) -> Iterator[Any]:
        with Redis.from_url(self.url, socket_timeout=5, decode_responses=True) as client:
            yield client

    def asked(self, *command: str | int) -> Any:
        with self.told() as client:
            return client.execute_command(*command)

    def owns(self, slot: int) -> bool:
        """Whether this node says that it has the slot."""
        lines = self.asked("CLUSTER", "NODES")
        (own,) = [line.split() for line in lines.splitlines() if "myself" in line]
        ranges = [part.partition("-") for part in own[8:] if not part.startswith("[")]
        return any(int(begin) <= slot <= int(end or begin) for begin, _, end in ranges)


class ValkeyCluster(StartedInBlock):
    """Keep it in a `with` block."""

    def __init__(self) -> None:
        password = secrets.token_hex(24)
        self.nodes = [Node(password) for _ in range(2 * PRIMARIES)]

    @property
    def url(self) -> str:
        """Of any node that runs; each tells of the others."""
        running = next(node for node in self.nodes if node.is_running)
        return running.url.replace("redis:", "redis+cluster:")

    def primaries(self) -> list[Node]:
        return [node for node in self.nodes if node.is_running and node.asked("ROLE")[0] == "master"]

    def wait_until_well(self) -> None:
        """Until all nodes run, agree on who is who, and each primary has a replica that is up to date."""
        _wait(self._is_well)

    def _is_well(self) -> bool:
        infos = [node.asked("CLUSTER", "INFO") for node in self.nodes]
        roles = [node.asked("ROLE") for node in self.nodes]
        return (
            all("cluster_state:ok" in info for info in infos)
            and all(f"cluster_known_nodes:{len(self.nodes)}" in info for info in infos)
            and sum(role[0] == "master" and len(role[2]) == 1 for role in roles) == PRIMARIES
            and all(role[0] == "master" or role[3] == "connected" for role in roles)
        )

    def _join(self) -> None:
        first, *others = self.nodes
        for number, node in enumerate(self.nodes):
            node.asked("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for number, node in enumerate(self.nodes[:PRIMARIES]):
            begin, end = (SLOTS * part // PRIMARIES for part in (number, number + 1))
            node.asked("CLUSTER", "ADDSLOTSRANGE", begin, end - 1)
        for node in others:
            first.asked("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        ids = [node.asked("CLUSTER", "MYID") for node in self.nodes]
        for replica, primary in zip(self.nodes[PRIMARIES:], ids, strict=False):
            _wait(partial(_replicates, replica, primary))
        self.wait_until_well()

    def start(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.start, self.nodes))
        self._join()

    def close(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Node.close, self.nodes))


def _replicates(replica: Node, primary: str) -> bool:
    """False as long as it has not heard of that primary."""
    return bool(replica.asked("CLUSTER", "REPLICATE", primary))


def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STARTUP
    while True:
        try:
            if done():
                return
        except RedisError as fault:
            why = str(fault)
        else:
            why = "the nodes do not agree yet"
        if time.monotonic() > deadline:
            raise ServiceFailed(f"the cluster of Valkey was not ready in {STARTUP:.0f} s: {why}")
        time.sleep(0.02)
