"""RedisStore on a cluster of three primaries and three replicas, also while one of them dies."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from math import inf
from typing import Any

import anyio
import pytest
from redis.asyncio import RedisCluster
from redis.crc import key_slot
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, answer, own, site

from services.valkey_cluster import ValkeyCluster
from sessions import RedisStore, Store, StoreUnavailable
from sessions.stores import redis as redis_store
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore, a_key, a_record
from sessions.testing.overview import found_by_scan

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def cluster() -> Iterator[ValkeyCluster]:
    with ValkeyCluster() as cluster:
        yield cluster


@pytest.fixture
def prefix() -> str:
    return f"test-{secrets.token_hex(4)}:"


class TestCluster(StoreConformance):
    backends = ("asyncio",)
    counts_purged = False

    @pytest.fixture
    def make_store(self, cluster: ValkeyCluster, prefix: str) -> MakeStore:
        return lambda: RedisStore(cluster.url, prefix=prefix)

    @pytest.fixture
    async def store(self, make_store: MakeStore, anyio_backend: Any) -> AsyncIterator[Store]:
        store = make_store()
        # Finding out who is in the cluster takes 0.1 to 0.3 s on a busy machine, of the kit's records' 0.5 s.
        await store.load(a_key())
        yield store
        await store.close()


async def test_a_cluster_of_the_apps_own(cluster: ValkeyCluster, prefix: str) -> None:
    """A cluster's client is taken like any other."""
    async with RedisCluster.from_url(cluster.url.replace("+cluster", "")) as client:
        store = RedisStore(client, prefix=prefix)
        records = {a_key(): a_record(b"%d" % number, owner="ann") for number in range(30)}
        for key, record in records.items():
            await store.create(key, record)
        await store.close()
        assert dict(await store.owned_by("ann")) == records
        assert await store.delete_older(inf) == 30
    with pytest.raises(ValueError, match="decode_responses"):
        RedisStore(RedisCluster.from_url("redis://127.0.0.1", decode_responses=True))


@pytest.mark.promise("BAD-5")
async def test_the_url_of_one_node_is_no_clusters(cluster: ValkeyCluster, prefix: str) -> None:
    """Most keys are on other nodes: it says so, and does not act as if there were no session."""
    store = RedisStore(cluster.url.replace("+cluster", ""), prefix=prefix)
    refused = 0
    for _ in range(20):
        key = a_key()
        try:
            await store.create(key, a_record())
        except StoreUnavailable:
            refused += 1
            with pytest.raises(StoreUnavailable, match=r"^Redis: MovedError$"):
                await store.load(key)
        else:
            assert await store.load(key)
    assert refused
    await store.close()


class _Watched(RedisCluster):
    """A client that notes whether a call of it was cancelled."""

    cancelled = 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().execute_command(*args, **options)
        except asyncio.CancelledError:
            type(self).cancelled += 1
            raise


async def test_whoever_is_cancelled_leaves_the_client_its_connections(
    cluster: ValkeyCluster, prefix: str
) -> None:
    """A client before redis-py 8.0.1 loses the connection of a call that is cancelled, until it has none."""
    url = cluster.url.replace("+cluster", "")
    async with _Watched.from_url(url, max_connections=100) as client:
        store = RedisStore(client, prefix=prefix)
        records = {a_key(): a_record(b"%d" % number) for number in range(20)}
        for key, record in records.items():
            await store.create(key, record)
        left = 0

        async def load(key: str) -> None:
            nonlocal left
            with anyio.move_on_after(random.random() * 0.004) as scope:
                assert await store.load(key) == records[key]
            left += scope.cancelled_caught

        for _ in range(20):
            async with anyio.create_task_group() as tasks:
                for key in records:
                    tasks.start_soon(load, key)
        assert left > 20
        assert _Watched.cancelled == 0
        for key, record in records.items():
            assert await store.load(key) == record


async def test_more_commands_than_connections_wait(
    cluster: ValkeyCluster, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a cluster's client would refuse them."""
    monkeypatch.setattr(redis_store, "MAX_CONNECTIONS", 3)
    store = RedisStore(cluster.url, prefix=prefix)
    keys = [a_key() for _ in range(40)]
    created = await asyncio.gather(*(store.create(key, a_record()) for key in keys))
    assert created == [True] * 40
    assert len(await found_by_scan(store)) == 40
    await store.close()


async def until(condition: Callable[[], bool]) -> None:
    """Looked at in a thread, beside the load."""
    for _ in count():
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.01)


class Load:
    """Browsers that count, each in a session of its own, one request after another."""

    def __init__(self, store: Store, number: int) -> None:
        self.app = site(log_in, store=store)
        self.browsers = [Browser(self.app) for _ in range(number)]
        self.acknowledged = dict.fromkeys(self.browsers, 0)
        self.attempted = dict.fromkeys(self.browsers, 0)
        self.over = False

    async def begin(self) -> None:
        for browser in self.browsers:
            assert (await browser.get("/log_in")).status == 200

    async def count(self, browser: Browser) -> bool:
        self.attempted[browser] += 1
        reply = await browser.get("/increment")
        assert (reply.status, reply.error) in ((200, None), (503, None))
        if reply.status == 200:
            self.acknowledged[browser] += 1
        return reply.status == 200

    async def go_on(self, browser: Browser) -> None:
        while not self.over:
            await self.count(browser)
            await asyncio.sleep(0.01)

    async def until_all_count(self) -> None:
        for _ in range(1000):
            if await self.all_count():
                return
        raise AssertionError("some are still refused")

    async def all_count(self) -> bool:
        return all([await self.count(browser) for browser in self.browsers])


async def log_in(request: Request) -> Response:
    own(request).owner = "ann"
    return answer()


@pytest.mark.promise("BAD-5")
async def test_a_primary_that_is_killed_under_load(cluster: ValkeyCluster, prefix: str) -> None:
    """The replica takes over. What was replicated is there, and nobody is logged out."""
    store = RedisStore(cluster.url, prefix=prefix)
    load = Load(store, 30)
    await load.begin()
    assert await load.all_count()
    primaries = cluster.primaries()
    for node in primaries:
        assert node.asked("WAIT", 1, 5000) == 1
    replicated = dict(load.acknowledged)
    victim = random.choice(primaries)
    async with anyio.create_task_group() as tasks:
        for browser in load.browsers:
            tasks.start_soon(load.go_on, browser)
        with anyio.fail_after(30):
            await until(lambda: sum(load.acknowledged.values()) > 3 * len(load.browsers))
            await asyncio.to_thread(victim.kill)
            await until(lambda: len(cluster.primaries()) == 3)
            await load.until_all_count()
        load.over = True

    assert await store.count() == 30
    assert len(await found_by_scan(store)) == 30
    assert len(await store.sessions_of("ann")) == 30
    for browser in load.browsers:
        counted = (await browser.get("/read")).json()["n"]
        # What a primary acknowledges in its last moments may not have reached the replica.
        assert replicated[browser] <= counted <= load.attempted[browser]

    victim.start()
    await asyncio.to_thread(cluster.wait_until_well)
    assert await load.all_count()
    assert await store.delete_older(inf) == 30
    assert await store.sessions_of("ann") == []
    await store.close()


@pytest.mark.promise("BAD-5")
async def test_slots_that_move_to_another_primary(cluster: ValkeyCluster, prefix: str) -> None:
    """The operator lets a replica take over: no request is refused, and nothing is lost."""
    store = RedisStore(cluster.url, prefix=prefix)
    load = Load(store, 10)
    await load.begin()
    replica = next(node for node in cluster.nodes if node.asked("ROLE")[0] == "slave")
    async with anyio.create_task_group() as tasks:
        for browser in load.browsers:
            tasks.start_soon(load.go_on, browser)
        with anyio.fail_after(30):
            await asyncio.to_thread(replica.asked, "CLUSTER", "FAILOVER")
            await until(lambda: replica.asked("ROLE")[0] == "master")
            await load.until_all_count()
        load.over = True
    for browser in load.browsers:
        counted = (await browser.get("/read")).json()["n"]
        assert load.acknowledged[browser] <= counted <= load.attempted[browser]
    await asyncio.to_thread(cluster.wait_until_well)
    await store.delete_older(inf)
    await store.close()


@pytest.mark.promise("BAD-5")
async def test_a_primary_that_hangs(cluster: ValkeyCluster, prefix: str) -> None:
    """Its replica takes over, and nobody waits for it any more."""
    store = RedisStore(cluster.url, prefix=prefix)
    load = Load(store, 10)
    await load.begin()
    hanging = cluster.primaries()[0]
    others = [node for node in cluster.nodes if node is not hanging]
    with hanging.frozen(), anyio.fail_after(60):
        await until(lambda: sum(node.asked("ROLE")[0] == "master" for node in others) == 3)
        await load.until_all_count()
        assert await store.count() == 10
    await asyncio.to_thread(cluster.wait_until_well)
    assert await load.all_count()
    await store.delete_older(inf)
    await store.close()


def alone_in_its_slot(cluster: ValkeyCluster, prefix: str) -> str:
    """A key. Those that other tests have left behind would have to move with it."""
    while True:
        key = a_key()
        slot = key_slot(f"{prefix}{key}".encode())
        if not any(node.asked("CLUSTER", "COUNTKEYSINSLOT", slot) for node in cluster.primaries()):
            return key


async def test_a_slot_on_its_way_to_another_node(cluster: ValkeyCluster, prefix: str) -> None:
    """Of its keys some are here and some are there already; each is found (`ASK`)."""
    store = RedisStore(cluster.url, prefix=prefix)
    here = alone_in_its_slot(cluster, prefix)
    record = a_record(owner="ann")
    await store.create(here, record)
    slot = key_slot(f"{prefix}{here}".encode())
    source, target, *_ = sorted(cluster.primaries(), key=lambda node: not node.owns(slot))
    ids = {node: node.asked("CLUSTER", "MYID") for node in (source, target)}
    target.asked("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    source.asked("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    assert await store.load(here) == record
    name = f"{prefix}{here}"
    source.asked(*("MIGRATE", "127.0.0.1", target.port, name, 0, 5000, "AUTH", source.password))
    assert await store.load(here) == record
    assert await store.replace(here, a_record(b"there", version=2, owner="ann"), expected=1)
    assert [key for key, _ in await store.owned_by("ann")] == [here]
    for node in (target, source):
        node.asked("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
    assert await store.replace(here, a_record(version=3, owner="ann"), expected=2)
    await store.delete(here)
    await store.close()
