"""BAD-5: each outage of PostgreSQL that docs/stores.md lists ends by itself, with both of its stores."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, answer, own, site

from services import Postgres
from services.tcp_proxy import Proxy
from sessions import PostgresStore, SQLAlchemyStore, Store, StoreUnavailable
from sessions.stores import postgres as postgres_store
from sessions.stores.sqlalchemy import _engine as sqlalchemy_engine
from sessions.testing.kit import a_key, a_record, all_at_once

from .visits import Visits, going_on

pytestmark = [pytest.mark.anyio, pytest.mark.promise("BAD-5")]

STORES = ["postgres", "postgres, the app's pool", "sqlalchemy", "sqlalchemy, the app's engine"]


with_both_loops = pytest.mark.parametrize(
    "anyio_backend",
    [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)
"""uvloop has errors of its own for a connection that is lost."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Of these tests alone, as they kill it and change its settings."""
    with Postgres() as service:
        yield service


@pytest.fixture
def table() -> str:
    return f"t{secrets.token_hex(4)}"


async def opened(kind: str, url: str, table: str) -> tuple[Store, Any]:
    """A store, and what to close after it."""
    if kind == "postgres":
        return PostgresStore(url, table=table), None
    if kind == "postgres, the app's pool":
        pool = await asyncpg.create_pool(url, min_size=0, max_size=4)
        return PostgresStore(pool, table=table), pool.close
    url = url.replace("postgresql:", "postgresql+asyncpg:")
    if kind == "sqlalchemy":
        return SQLAlchemyStore(url, table=table), None
    engine = create_async_engine(url)
    return SQLAlchemyStore(engine, table=table), engine.dispose


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, server: Postgres, table: str, anyio_backend: Any
) -> AsyncIterator[Store]:
    store, close = await opened(request.param, server.url, table)
    yield store
    await store.close()
    if close:
        await close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (postgres_store, sqlalchemy_engine):
        monkeypatch.setattr(module, "TIMEOUT", 0.5)


async def tell(server: Postgres, *commands: str) -> None:
    """As the administrator."""
    connection = await asyncpg.connect(server.url)
    try:
        for command in commands:
            await connection.execute(command)
    finally:
        await connection.close()


async def set_to(server: Postgres, setting: str) -> None:
    """For connections that are open, too. Waits until it is known."""
    await tell(server, f"ALTER SYSTEM SET {setting}", "SELECT pg_reload_conf()")
    await until(server, setting)


async def reset(server: Postgres, name: str, usual: str) -> None:
    await tell(server, "SET default_transaction_read_only = off", f"ALTER SYSTEM RESET {name}")
    await tell(server, "SELECT pg_reload_conf()")
    await until(server, f"{name} = {usual}")


async def until(server: Postgres, setting: str) -> None:
    name, _, value = setting.partition(" = ")
    with anyio.fail_after(20):
        while True:
            connection = await asyncpg.connect(server.url)
            try:
                if await connection.fetchval(f"SHOW {name}") == value.strip("'"):
                    return
            finally:
                await connection.close()


# -- the server goes -----------------------------------------------------------------------------------


async def one_process_is_killed(server: Postgres) -> None:
    """PostgreSQL ends all others then, and starts anew."""
    connection = await asyncpg.connect(server.url)
    killed = False
    with anyio.fail_after(10):
        while not killed:
            processes = await connection.fetch(
                "SELECT pid FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            killed = any(kill(process) for (process,) in processes)
    await connection.close()


def kill(process: int) -> bool:
    """False if it has ended by itself meanwhile."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


async def all_is_killed(server: Postgres) -> None:
    await anyio.to_thread.run_sync(server.kill)
    await anyio.to_thread.run_sync(server.start)


async def it_restarts(server: Postgres) -> None:
    await anyio.to_thread.run_sync(server.stop)
    await anyio.to_thread.run_sync(server.start)


async def all_connections_are_ended(server: Postgres) -> None:
    await tell(server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


@with_both_loops
@pytest.mark.parametrize(
    "happens", [one_process_is_killed, all_is_killed, it_restarts, all_connections_are_ended]
)
async def test_the_server_goes_and_comes_back(server: Postgres, store: Store, happens: Any) -> None:
    """BAD-2: some requests get 503, and none anything else."""
    async with going_on(store) as visits:
        for _ in range(2):
            await happens(server)
            for each in visits:
                await each.be_served()


async def test_connections_that_were_ended_while_nobody_used_them(server: Postgres, store: Store) -> None:
    """It is noticed before a write is sent over one."""
    key = a_key()
    await all_at_once(*[lambda: store.load(key)] * 4, lambda: store.create(key, a_record()))
    connection = await asyncpg.connect(server.url)
    others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    processes = [pid for (pid,) in await connection.fetch(f"SELECT pid {others}")]
    await connection.execute(f"SELECT pg_terminate_backend(pid) {others}")
    while any(Path(f"/proc/{process}").exists() for process in processes):
        await connection.execute("SELECT 1")
    await connection.close()
    for version in range(1, 7):
        assert await store.replace(key, a_record(version=version + 1), expected=version)


@with_both_loops
@pytest.mark.usefixtures("impatient")
async def test_the_server_holds_still(server: Postgres, store: Store) -> None:
    visits = Visits(store)
    await visits.increment()
    with server.frozen(), anyio.fail_after(20):
        assert not await visits.increment()
        assert not await visits.read()
    await visits.be_well_again()


# -- the server refuses --------------------------------------------------------------------------------


@pytest.mark.promise("BAD-4")
async def test_a_server_that_is_read_only_serves_what_only_reads(server: Postgres, store: Store) -> None:
    visits = Visits(store)
    await visits.increment()
    await set_to(server, "default_transaction_read_only = on")
    try:
        for _ in range(3):
            assert await visits.read()
            assert not await visits.increment()
    finally:
        await reset(server, "default_transaction_read_only", "off")
    await visits.be_well_again()


@pytest.mark.promise("BAD-4")
@pytest.mark.parametrize("kind", STORES)
async def test_a_process_that_starts_beside_a_read_only_server_reads(
    server: Postgres, store: Store, kind: str, table: str
) -> None:
    """Where the table is, nothing is made."""
    key, record = a_key(), a_record()
    await store.create(key, record)
    await set_to(server, "default_transaction_read_only = on")
    late, close = await opened(kind, server.url, table)
    try:
        assert await late.load(key) == record
    finally:
        await reset(server, "default_transaction_read_only", "off")
        await late.close()
        if close:
            await close()


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
async def test_a_statement_that_takes_too_long(
    server: Postgres, store: Store, table: str, setting: str
) -> None:
    visits = Visits(store)
    await visits.increment()
    other = await asyncpg.connect(server.url)
    async with other.transaction():
        await other.execute(f"SELECT 1 FROM {table} FOR UPDATE")  # noqa: S608
        await set_to(server, f"{setting} = '50ms'")
        try:
            assert not await visits.increment()
            assert await visits.read()
        finally:
            await reset(server, setting, "0")
    await other.close()
    await visits.be_well_again()


STATES = {
    "disk full": "53100",
    "out of memory": "53200",
    "too many connections": "53300",
    "a broken disk": "58030",
    "a broken index": "XX002",
    "no privilege": "42501",
    "shutting down": "57P01",
    "a pooler without prepared statements": "26000",
    "a constraint of somebody's own": "23514",
    "a value of somebody's own": "22003",
}


@pytest.mark.parametrize("state", list(STATES))
async def test_whatever_the_server_says_is_about_the_server(
    server: Postgres, store: Store, table: str, state: str
) -> None:
    """The statements are the store's own: an error is never about them. A trigger says it here."""
    visits = Visits(store)
    await visits.increment()
    await tell(
        server,
        f"CREATE FUNCTION {table}_fails() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE 'no' USING ERRCODE = '{STATES[state]}'; END $$",
        f"CREATE TRIGGER fails BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_fails()",
    )
    for _ in range(2):
        assert not await visits.increment()
        assert await visits.read()
    await tell(server, f"DROP TRIGGER fails ON {table}")
    await visits.be_well_again()


async def test_more_connections_than_the_server_has(server: Postgres, table: str) -> None:
    role, password = f"r_{secrets.token_hex(4)}", secrets.token_hex(16)
    await tell(
        server,
        f"CREATE ROLE {role} LOGIN PASSWORD '{password}' CONNECTION LIMIT 1",
        f"GRANT ALL ON SCHEMA public TO {role}",
    )
    url = f"postgresql://{role}:{password}@127.0.0.1:{server.port}/postgres"
    for kind in ("postgres", "sqlalchemy"):
        store, _ = await opened(kind, url, f"{table}_{kind}")
        other = await asyncpg.connect(url)
        with pytest.raises(StoreUnavailable, match=r"TooManyConnections|too many connections"):
            await store.load(a_key())
        await other.close()
        visits = Visits(store)
        await visits.be_well_again()
        await store.close()


@pytest.mark.parametrize("by", ["the store", "somebody else"])
async def test_a_table_that_was_dropped(server: Postgres, store: Store, table: str, by: str) -> None:
    """What it held is gone. It is made again."""
    key = a_key()
    await store.create(key, a_record())
    await tell(server, f"DROP TABLE {table}")
    with pytest.raises(StoreUnavailable):
        await store.load(key)
    if by == "somebody else":
        await tell(server, PostgresStore(server.url, table=table).schema)
    assert await store.load(key) is None
    assert await store.create(key, a_record())
    assert await store.replace(key, a_record(version=2), expected=1)


# -- the server sets its transactions apart ------------------------------------------------------------


@pytest.mark.promise("CONC-2")
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_a_server_with_another_isolation(server: Postgres, store: Store, level: str) -> None:
    """PostgreSQL gives a statement up then that meets another one. Nobody gets 503 for it."""
    await set_to(server, f"default_transaction_isolation = '{level}'")
    try:
        browser = Browser(site(store=store))
        await browser.get("/increment")
        replies: list[int] = []

        async def increment() -> None:
            replies.append((await browser.get("/increment")).status)

        await all_at_once(*[increment] * 40)
        assert replies == [200] * 40
        assert (await browser.get("/read")).json() == {"n": 41}
    finally:
        await reset(server, "default_transaction_isolation", "read committed")


# -- the app holds the connections ---------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["postgres", "sqlalchemy"])
async def test_an_app_that_holds_connections_of_the_same_pool(
    server: Postgres, table: str, kind: str
) -> None:
    """Its requests wait for each other at the commit. They get 503, and those after them are served."""
    pool = await asyncpg.create_pool(server.url, min_size=0, max_size=4)
    url = server.url.replace("postgresql:", "postgresql+asyncpg:")
    engine = create_async_engine(url, pool_size=4, max_overflow=0)
    store: Store = SQLAlchemyStore(engine, table=table)
    if kind == "postgres":
        store = PostgresStore(pool, table=table)

    async def hold(request: Request) -> Response:
        request.session["held"] = True
        async with pool.acquire() if kind == "postgres" else engine.connect():
            return await commit(request)

    async def commit(request: Request) -> Response:
        await own(request).save()
        return answer()

    app = site(hold, store=store)
    await Browser(app).get("/increment")
    statuses: list[int] = []

    async def visit() -> None:
        statuses.append((await Browser(app).get("/hold")).status)

    await all_at_once(*[visit] * 12, seconds=30)
    assert len(statuses) == 12
    assert set(statuses) <= {200, 503}
    assert 503 in statuses
    assert (await Browser(app).get("/hold")).status == 200
    await engine.dispose()
    await pool.close()


# -- answers that get lost -----------------------------------------------------------------------------


@pytest.mark.promise("CONC-5")
@pytest.mark.parametrize("kind", ["postgres", "sqlalchemy"])
async def test_a_change_whose_answer_was_lost_counts_once(server: Postgres, table: str, kind: str) -> None:
    proxy = Proxy(server.url)
    await proxy.up()
    store, _ = await opened(kind, proxy.url, table)

    async def act(request: Request) -> Response:
        session = own(request)
        session.increment("n")
        proxy.loss = 1.0
        with pytest.raises(StoreUnavailable):
            await session.save()
        proxy.loss = 0.0
        await session.save()
        return answer()

    browser = Browser(site(act, store=store))
    await browser.get("/increment")
    for n in range(2, 6):
        assert (await browser.get("/act")).status == 200
        assert (await browser.get("/read")).json() == {"n": n}
    assert proxy.lost >= 4
    await store.close()
    await proxy.down()


@pytest.mark.promise("CONC-5")
@pytest.mark.parametrize("then", ["save", "response"])
async def test_a_save_that_was_cancelled_counts_once(
    server: Postgres, store: Store, table: str, then: str
) -> None:
    """The write waits for a lock as it is cancelled. It may be done later all the same."""
    other = await asyncpg.connect(server.url)

    async def act(request: Request) -> Response:
        session = own(request)
        session.increment("n")
        async with other.transaction():
            await other.execute(f"SELECT 1 FROM {table} FOR UPDATE")  # noqa: S608
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel_when_waiting, tasks.cancel_scope)
                await session.save()
        if then == "save":
            await session.save()
        return answer()

    async def cancel_when_waiting(scope: anyio.CancelScope) -> None:
        connection = await asyncpg.connect(server.url)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not await connection.fetchval(waiting):
            pass
        await connection.close()
        scope.cancel()

    browser = Browser(site(act, store=store))
    await browser.get("/increment")
    for n in range(2, 8):
        assert (await browser.get("/act")).status == 200
        assert (await browser.get("/read")).json() == {"n": n}
    await other.close()


# -- what is the app's own fault -----------------------------------------------------------------------


async def test_an_error_of_the_apps_is_no_outage(server: Postgres, store: Store) -> None:
    """A retry would not help, and a 503 would say it does. The value is not quoted."""
    record = a_record(version=2**70)
    with pytest.raises(ValueError, match=r"^(PostgreSQL|the database)") as raised:
        await store.create(a_key(), record)
    assert str(2**70) not in str(raised.value)


LOST = [
    RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed"),
    AttributeError("'NoneType' object has no attribute 'is_closed'"),
    EOFError(),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    asyncpg.InterfaceError("connection is closed"),
]


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
async def test_whatever_a_driver_raises_about_a_lost_connection(
    store: Store, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is not used again."""
    visits = Visits(store)
    await visits.increment()
    broken: list[Any] = []

    async def fail(connection: Any, *_: Any) -> None:
        broken.append(connection)
        raise error

    for method in ("fetch", "execute"):
        monkeypatch.setattr(asyncpg.Connection, method, fail)
    assert not await visits.increment()
    monkeypatch.undo()
    await visits.be_well_again()
    assert broken
    assert all(connection.is_closed() for connection in broken)
