"""Each outage that docs/stores.md lists for Redis, on a real server: what the app sees, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import anyio
import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, answer, own, site

from services import Valkey
from services.tcp_proxy import Proxy
from sessions import RedisStore, Store, StoreUnavailable, WriteConflict
from sessions.stores import redis as redis_store
from sessions.testing.kit import a_key, a_record

pytestmark = pytest.mark.anyio

PATIENCE = 0.4
"""Seconds that a store waits for an answer where none will come."""

MEGABYTE = 1024 * 1024

Call = Callable[[], Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def service() -> Iterator[Valkey]:
    """A server of these tests alone, which is hurt in them."""
    with Valkey() as service:
        yield service


@pytest.fixture
def prefix() -> str:
    return f"test-{secrets.token_hex(4)}:"


@pytest.fixture(params=["URL", "client"])
async def connect(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Callable[[str], Store]]:
    """How the store gets to its server; with less patience where the test's outage is a silent one."""
    callspec = getattr(request.node, "callspec", None)
    outage = callspec.params.get("outage") if callspec else None
    patience = PATIENCE if outage and outage.silent else redis_store.TIMEOUT
    request.getfixturevalue("monkeypatch").setattr(redis_store, "TIMEOUT", patience)
    made: list[tuple[Store, Redis | None]] = []

    def connect(url: str) -> Store:
        client: Redis | None = None
        if request.param == "client":
            client = Redis.from_url(
                url,
                socket_timeout=patience / 2,
                socket_connect_timeout=patience / 2,
                retry=Retry(NoBackoff(), 1),  # for connections that went stale
            )
        store = RedisStore(client or url, prefix=prefix)
        made.append((store, client))
        return store

    yield connect
    for store, client in made:
        await store.close()
        if client is not None:
            await client.aclose()


@contextmanager
def told(service: Valkey) -> Iterator[Any]:
    """A client of the operator's, who causes the outage and ends it."""
    with SyncRedis.from_url(service.url, socket_timeout=5) as operator:
        yield operator


# -- outages -------------------------------------------------------------------------------------------------


def ordered(begin: list[str], end: list[str]) -> Callable[[Valkey], AbstractContextManager[None]]:
    """By commands of the operator's."""

    @contextmanager
    def ordered(service: Valkey) -> Iterator[None]:
        with told(service) as operator:
            operator.ping()
            try:
                for command in begin:
                    operator.execute_command(*command.split())
                yield
            finally:
                for command in end:
                    operator.execute_command(*command.format(password=service.password).split())

    return ordered


@contextmanager
def no_memory(service: Valkey) -> Iterator[None]:
    with told(service) as operator:
        try:
            operator.config_set("maxmemory", operator.info("memory")["used_memory"] - MEGABYTE // 2)
            yield
        finally:
            operator.config_set("maxmemory", 0)


@contextmanager
def no_disk(service: Valkey) -> Iterator[None]:
    """Where its snapshot would go, a folder stands: it cannot save, and takes no writes that may get lost."""
    in_the_way = service.folder / "dump.rdb"
    in_the_way.mkdir()
    with told(service) as operator:
        try:
            operator.config_set("save", "3600 1000000")  # never by itself
            operator.bgsave()
            while operator.info("persistence")["rdb_bgsave_in_progress"]:
                pass
            assert operator.info("persistence")["rdb_last_bgsave_status"] == "err"
            yield
        finally:
            in_the_way.rmdir()
            operator.config_set("save", "")


@contextmanager
def busy_with_a_script(service: Valkey) -> Iterator[None]:
    forever = b"*3\r\n$4\r\nEVAL\r\n$17\r\nwhile true do end\r\n$1\r\n0\r\n"
    with told(service) as operator, socket.create_connection(("127.0.0.1", service.port)) as other:
        operator.config_set("busy-reply-threshold", 1)
        other.sendall(b"AUTH %b\r\n" % service.password.encode())
        other.recv(100)
        other.sendall(forever)
        try:
            while not is_busy(operator):
                pass
            yield
        finally:
            operator.execute_command("SCRIPT", "KILL")
            while is_busy(operator):
                pass
            operator.config_set("busy-reply-threshold", 5000)


def is_busy(operator: Any) -> bool:
    try:
        operator.ping()
    except ResponseError as fault:
        return str(fault).startswith("BUSY")
    return False


@contextmanager
def killed(service: Valkey) -> Iterator[None]:
    service.kill()
    try:
        yield
    finally:
        service.start()


@contextmanager
def stopped(service: Valkey) -> Iterator[None]:
    service.stop()
    try:
        yield
    finally:
        service.start()


KILL_ALL = "CLIENT KILL TYPE normal SKIPME yes"


class Outage(NamedTuple):
    cause: Callable[[Valkey], AbstractContextManager[None]]
    reads: bool
    """Whether it can be read meanwhile."""
    silent: bool = False
    """Whether it does not even answer that it does not."""


OUTAGES = {
    "no memory": Outage(no_memory, True),
    "no disk": Outage(no_disk, True),
    # Demoted, and there is no other primary yet.
    "a replica": Outage(ordered(["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]), True),
    "a stale replica": Outage(
        ordered(
            ["CONFIG SET replica-serve-stale-data no", "REPLICAOF 127.0.0.1 1"],
            ["REPLICAOF NO ONE", "CONFIG SET replica-serve-stale-data yes"],
        ),
        False,
    ),
    "too few replicas": Outage(
        ordered(["CONFIG SET min-replicas-to-write 1"], ["CONFIG SET min-replicas-to-write 0"]), True
    ),
    "no permission to write": Outage(
        ordered(["ACL SETUSER default -@write -@scripting"], ["ACL SETUSER default +@all"]), True
    ),
    "no permission at all": Outage(
        ordered(["ACL SETUSER default resetkeys"], ["ACL SETUSER default allkeys"]), False
    ),
    "another password": Outage(
        ordered(["CONFIG SET requirepass another", KILL_ALL], ["CONFIG SET requirepass {password}"]), False
    ),
    "too many clients": Outage(
        ordered([KILL_ALL, "CONFIG SET maxclients 1"], ["CONFIG SET maxclients 1000"]), False
    ),
    "busy with a script": Outage(busy_with_a_script, False),
    # As during a failover that somebody has asked for.
    "paused for writers": Outage(ordered(["CLIENT PAUSE 60000 WRITE"], ["CLIENT UNPAUSE"]), True, True),
    "frozen": Outage(Valkey.frozen, False, True),
    "killed": Outage(killed, False),
    "stopped": Outage(stopped, False),
}


async def log_in(request: Request) -> Response:
    own(request).owner = "ann"
    own(request)["user"] = "ann"
    return answer()


@pytest.mark.promise("BAD-2", "BAD-4", "BAD-5")
@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
async def test_an_outage_ends_by_itself(
    outage: Outage, service: Valkey, connect: Callable[[str], Store]
) -> None:
    """Nobody is logged out, nothing gets another answer than 503, and what can be read is shown."""
    store = connect(service.url)
    app = site(log_in, store=store)
    browser = Browser(app)
    await browser.get("/log_in")
    with outage.cause(service):
        times = 1 if outage.silent else 2
        for _ in range(times):
            reply = await browser.get("/read")
            assert (reply.status, reply.error) == (200 if outage.reads else 503, None)
            if outage.reads:
                assert reply.json() == {"user": "ann"}
        for _ in range(times):
            for url in ("/increment", "/rotate"):
                reply = await browser.get(url)
                assert (reply.status, reply.error, reply.set_cookies) == (503, None, [])
            reply = await Browser(app).get("/write?a=1")
            assert (reply.status, reply.error, reply.set_cookies) == (503, None, [])
    assert (await browser.get("/read")).json() == {"user": "ann"}
    assert (await browser.get("/increment")).json() == 1
    assert [each.data for each in await store.sessions_of("ann")] == [{"user": "ann", "n": 1}]
    await store.destroy_all("ann")


@pytest.mark.promise("BAD-2", "BAD-5")
@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
async def test_each_method_says_that_the_store_is_away(
    outage: Outage, service: Valkey, connect: Callable[[str], Store]
) -> None:
    """And shows neither keys nor values. What only removes may be done by a server that is full."""
    store = connect(service.url)
    key, record = a_key(), a_record(b"secret", owner="ann")
    await store.create(key, record)
    reads: list[Call] = [
        lambda: store.load(key),
        lambda: store.owned_by("ann"),
        lambda: anext(aiter(store.scan())),
    ]
    writes: list[Call] = [
        lambda: store.create(a_key(), record),
        lambda: store.replace(key, a_record(b"secret", version=2, owner="ann"), expected=1),
        lambda: store.replace(key, a_record(b"secret", version=2, owner="bob"), expected=1),
    ]
    removals: list[Call] = [lambda: store.delete(a_key()), lambda: store.delete_older(0.0)]
    with outage.cause(service):
        for call in [*writes, *([] if outage.reads else [*reads, *removals])]:
            with pytest.raises(StoreUnavailable, match=r"^Redis: ") as raised:
                await call()
            assert not re.search(rf"secret|{key}|{service.password}|ann\b", str(raised.value))
        if outage.reads:
            for call in reads:
                await call()
    assert await store.load(key) == record
    assert await store.replace(key, a_record(version=2, owner="ann"), expected=1)
    await store.delete(key)
    assert await store.owned_by("ann") == []


class TestNoMemory:
    @pytest.mark.promise("BAD-5")
    @pytest.mark.parametrize("owner", [None, "ann"])
    async def test_a_full_server_takes_no_more(
        self, connect: Callable[[str], Store], owner: str | None
    ) -> None:
        """A server with a limit of memory takes no session beyond it, and the old ones stay as they were."""
        with Valkey() as service, told(service) as operator:
            store = connect(service.url)
            key, record = a_key(), a_record(b"old", owner=owner)
            await store.create(key, record)
            limit = operator.info("memory")["used_memory"] + MEGABYTE
            operator.config_set("maxmemory", limit)
            big = bytes(200_000)
            keys = [a_key() for _ in range(20)]
            created = []
            for each in keys:
                with contextlib.suppress(StoreUnavailable):
                    created.append(await store.create(each, a_record(big, owner=owner)))
            assert len(created) < 8
            assert operator.info("memory")["used_memory"] < limit + 2 * len(big)
            operator.config_set("maxmemory", operator.info("memory")["used_memory"] // 2)
            for _ in range(3):
                with pytest.raises(StoreUnavailable, match=r"OOM|OutOfMemory"):
                    await store.replace(key, a_record(big, version=2, owner=owner), expected=1)
                assert await store.load(key) == record

            # A logout needs no memory, and makes some.
            assert await store.replace(key, a_record(lives=-1, version=2, owner=owner), expected=1)
            assert await store.load(key) is None
            await store.destroy_everything()
            assert await store.owned_by("ann") == []
            operator.config_set("maxmemory", limit)
            assert await store.create(key, record)


class TestFailover:
    """Two servers, one the replica of the other, behind one address that moves, as a name or a proxy does."""

    @pytest.fixture
    def pair(self) -> Iterator[tuple[Valkey, Valkey]]:
        with Valkey() as first, Valkey() as second, told(first) as one, told(second) as two:
            for operator, other in ((one, second), (two, first)):
                operator.config_set("masterauth", other.password)
                operator.config_set("requirepass", "of both")
                operator.config_set("repl-diskless-sync-delay", 0)
            for operator in (one, two):
                operator.config_set("masterauth", "of both")
            first.password = second.password = "of both"
            follow(second, first)
            yield first, second

    @pytest.mark.promise("BAD-5")
    @pytest.mark.parametrize("first_lets_go", [False, True], ids=["connections stay", "connections are cut"])
    async def test_writes_go_on_once_there_is_a_primary(
        self, pair: tuple[Valkey, Valkey], connect: Callable[[str], Store], first_lets_go: bool
    ) -> None:
        """No connection stays with the server that is no primary any more."""
        first, second = pair
        proxy = Proxy(first.url)
        await proxy.up()
        store = connect(proxy.url)
        app = site(log_in, store=store)
        browsers = [Browser(app) for _ in range(8)]
        for browser in browsers:
            await browser.get("/log_in")
        # A connection for each of them
        async with anyio.create_task_group() as tasks:
            for browser in browsers:
                tasks.start_soon(browser.get, "/increment")
        with told(first) as one, told(second) as two:
            assert one.execute_command("WAIT", 1, 5000) == 1
            two.execute_command("REPLICAOF", "NO", "ONE")
            proxy.target = ("127.0.0.1", second.port)
            follow(first, second)
            if first_lets_go:
                proxy.cut()
        replies = []
        async with anyio.create_task_group() as tasks:

            async def send(browser: Browser) -> None:
                replies.append(await browser.get("/increment"))

            for browser in browsers:
                tasks.start_soon(send, browser)
        assert [(reply.status, reply.text) for reply in replies] == [(200, "2")] * 8
        await store.close()
        await proxy.down()


def follow(replica: Valkey, primary: Valkey) -> None:
    """Make it a replica that has all that the primary has."""
    with told(replica) as operator:
        operator.execute_command("REPLICAOF", "127.0.0.1", primary.port)
        while operator.info("replication")["master_link_status"] != "up":
            pass


class _SlowToLoad(Valkey):
    """It takes a while until it has read what it kept, and answers meanwhile that it is loading."""

    def command(self) -> list[str]:
        slow = ("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
        return [*super().command(), *(slow if self.started_before else ())]

    started_before = False


@pytest.mark.promise("BAD-5")
async def test_a_server_that_is_loading(connect: Callable[[str], Store], monkeypatch: Any) -> None:
    with _SlowToLoad() as service:
        store = connect(service.url)
        key, record = a_key(), a_record()
        await store.create(key, record)
        with told(service) as operator:
            for number in range(600):
                operator.set(f"other-{number}", "x" * 100)
            # Of a file of this format it answers while it reads it.
            operator.bgrewriteaof()
            while operator.info("persistence")["aof_rewrite_in_progress"]:
                pass
        service.stop()
        service.started_before = True
        monkeypatch.setattr(Valkey, "ready", "Server initialized")
        service.start()
        seen = []
        with anyio.fail_after(20):
            while True:
                try:
                    loaded = await store.load(key)
                except StoreUnavailable as fault:
                    seen.append(str(fault))
                else:
                    break
        assert loaded == record, "a server that is still loading must not say that there is no session"
        assert any("LOADING" in each or "loading" in each for each in seen), seen


@pytest.mark.promise("BAD-5")
async def test_another_thing_under_the_key(
    service: Valkey, connect: Callable[[str], Store], prefix: str
) -> None:
    """Whatever is there is no session, and stays."""
    store = connect(service.url)
    key = a_key()
    puts: list[Callable[[Any], Any]] = [
        lambda operator: operator.hset(f"{prefix}{key}", "a", "b"),
        lambda operator: operator.set(f"{prefix}{key}", "short"),
        lambda operator: operator.set(f"{prefix}{key}", "long enough for the head of a record, but none"),
        lambda operator: operator.set(f"{prefix}{key}", b"\x01"),
    ]
    for put in puts:
        with told(service) as operator:
            operator.delete(f"{prefix}{key}")
            put(operator)
            before = operator.dump(f"{prefix}{key}")
        for call in (
            lambda: store.load(key),
            lambda: store.create(key, a_record()),
            lambda: store.replace(key, a_record(version=2), expected=1),
            lambda: store.delete(key),
            lambda: store.delete_older(1e12),
            lambda: anext(aiter(store.scan())),
        ):
            with pytest.raises(
                StoreUnavailable, match=r"^Redis: (ResponseError: )?WRONGTYPE$|: ResponseError$"
            ):
                await call()
        with told(service) as operator:
            assert operator.dump(f"{prefix}{key}") == before
            operator.delete(f"{prefix}{key}")
        assert await store.create(key, a_record())
        await store.delete(key)


async def test_no_answer_is_taken_for_another_ones(
    service: Valkey, connect: Callable[[str], Store], prefix: str
) -> None:
    """Of several answers one is an error, and the rest must not be left for who asks next."""
    store = connect(service.url)
    records = {a_key(): a_record(b"%d" % number, owner="ann") for number in range(5)}
    for key, record in records.items():
        await store.create(key, record)
    wrong, *others = sorted(records, key=lambda key: records[key].expires_at)
    with told(service) as operator:
        operator.delete(f"{prefix}{wrong}")
        operator.hset(f"{prefix}{wrong}", "a", "b")
    for key in others:
        with pytest.raises(StoreUnavailable):
            await store.owned_by("ann")
        assert await store.load(key) == records[key]


@pytest.mark.promise("BAD-5")
async def test_scripts_that_are_flushed_all_the_time(
    service: Valkey, connect: Callable[[str], Store]
) -> None:
    browser = Browser(site(log_in, store=connect(service.url)))
    with told(service) as operator:
        for number in range(1, 6):
            operator.script_flush()
            assert (await browser.get("/increment")).json() == number
            operator.script_flush()
            assert (await browser.get("/log_in")).status == 200
            operator.script_flush()
            assert (await browser.get("/rotate")).status == 200


# -- answers that are lost, in part or as a whole -----------------------------------------------------------


@pytest.fixture
async def proxy(service: Valkey, anyio_backend: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(service.url)
    await proxy.up()
    yield proxy
    await proxy.down()


@pytest.mark.promise("BAD-5")
@pytest.mark.parametrize("size", [10, 300_000])
async def test_answers_of_which_half_arrives(
    proxy: Proxy, connect: Callable[[str], Store], size: int
) -> None:
    """Never a wrong record: the right one by another try, or none."""
    store = connect(proxy.url)
    keys = [a_key() for _ in range(5)]
    records = {key: a_record(secrets.token_bytes(size), owner="ann") for key in keys}
    for key, record in records.items():
        await store.create(key, record)
    answered = 0
    for halves in [1, 1, 1, 2, 100]:
        proxy.halves = halves
        for key, record in records.items():
            try:
                assert await store.load(key) == record
                answered += 1
                found = dict(await store.owned_by("ann"))
                assert found == records
            except StoreUnavailable:
                pass
        proxy.halves = 0
        proxy.cut()
        assert await store.load(keys[0]) == records[keys[0]]
    assert answered >= 15
    await store.destroy_all("ann")


@pytest.mark.promise("CONC-5")
async def test_increments_count_once_though_answers_get_lost(
    proxy: Proxy, connect: Callable[[str], Store]
) -> None:
    """Each request saves until it hears that it is done; some answers never come."""

    saved = untold = 0

    async def count(request: Request) -> Response:
        nonlocal saved, untold
        session = own(request)
        session.increment("n")
        for _ in range(50):
            try:
                await session.save()
            except WriteConflict:  # so many others have saved meanwhile that it cannot be told any more
                untold += 1
                raise
            except StoreUnavailable:
                continue
            saved += 1
            return answer(session["n"])
        raise AssertionError("no save was ever heard of")

    browser = Browser(site(count, log_in, store=connect(proxy.url)))
    await browser.get("/log_in")
    proxy.loss = 0.3
    async with anyio.create_task_group() as tasks:

        async def use(browser: Browser) -> None:
            for _ in range(25):
                # One that could not even read is answered 503, and has counted nothing.
                reply = await browser.get("/count")
                assert (reply.status, reply.error) in ((200, None), (503, None))

        for _ in range(4):
            tasks.start_soon(use, browser)
    proxy.loss = 0.0
    assert proxy.lost > 20
    assert saved > 10
    assert untold <= 1
    read = (await browser.get("/read")).json()
    assert read["user"] == "ann"
    assert saved <= read["n"] <= saved + untold


@pytest.mark.promise("CONC-5")
async def test_a_save_that_is_cancelled_in_the_middle_counts_once(
    service: Valkey, connect: Callable[[str], Store]
) -> None:
    """As by `move_on_after` around `save()`, at each moment of it; the next save finds out."""
    cancelled = 0

    async def cancel_after(scope: anyio.CancelScope, steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        scope.cancel()

    async def count(request: Request) -> Response:
        nonlocal cancelled
        session = own(request)
        session.increment("n")
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel_after, scope, session["n"] % 12)
                await session.save()
                tasks.cancel_scope.cancel()
        cancelled += scope.cancelled_caught
        await session.save()
        return answer(session["n"])

    browser = Browser(site(count, store=connect(service.url)))
    for number in range(1, 201):
        reply = await browser.get("/count")
        assert (reply.status, reply.json()) == (200, number)
    assert cancelled > 10


async def test_calls_that_are_cancelled_leave_all_connections(
    service: Valkey, connect: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And never the answer of another call."""
    monkeypatch.setattr(redis_store, "MAX_CONNECTIONS", 4)
    store = connect(service.url)
    records = {a_key(): a_record(b"%d" % number) for number in range(20)}
    for key, record in records.items():
        await store.create(key, record)

    async def load(key: str) -> None:
        with anyio.move_on_after(random.random() * 0.003):
            assert await store.load(key) == records[key]

    for _ in range(20):
        async with anyio.create_task_group() as tasks:
            for key in records:
                tasks.start_soon(load, key)
    for key, record in records.items():
        assert await store.load(key) == record


async def test_more_commands_than_connections_wait(service: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_store, "MAX_CONNECTIONS", 3)
    store = RedisStore(service.url)
    with told(service) as operator:
        before = operator.info("stats")["total_connections_received"]
        assert await asyncio.gather(*(store.load(a_key()) for _ in range(50))) == [None] * 50
        assert operator.info("stats")["total_connections_received"] - before <= 3
    await store.close()


@pytest.mark.promise("BAD-4")
async def test_an_extension_waits_for_a_server_that_can_write(
    service: Valkey, connect: Callable[[str], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = connect(service.url)
    browser = Browser(site(log_in, store=store, expire_after=3600))
    await browser.get("/log_in")
    really = time.time
    monkeypatch.setattr(time, "time", lambda: really() + 1800)
    with no_memory(service):
        for _ in range(3):
            reply = await browser.get("/read")
            assert (reply.status, reply.json(), reply.set_cookies) == (200, {"user": "ann"}, [])
    reply = await browser.get("/read")
    assert (reply.status, len(reply.set_cookies)) == (200, 1)
    await store.destroy_all("ann")
