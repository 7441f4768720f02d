"""PostgresStore behind PgBouncer in transaction mode, where it is installed: `pytest -m pgbouncer`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import anyio
import asyncpg
import pytest

from services import Service, ServiceFailed
from services.service import write_private
from services.tcp_proxy import Proxy
from sessions import PostgresStore
from sessions.stores import postgres as postgres_store
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore, a_key, a_record

from .outages import Outages
from .test_postgres import anyio_backend, table

__all__ = ["anyio_backend", "table"]

pytestmark = [pytest.mark.pgbouncer, pytest.mark.anyio]


class PgBouncer(Service):
    """Shares two connections among all of its clients, and gives each out for one transaction."""

    ready = "process up"
    farewell = "INT"
    backend = ""

    @property
    def url(self) -> str:
        return f"postgresql://bouncer:{self.password}@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        self._program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
        if self._program is None:
            raise ServiceFailed("no pgbouncer is installed (Debian: pgbouncer)")
        if os.getuid() == 0:  # it refuses to run as root
            self.user = "nobody"
            shutil.chown(self.folder, self.user)

    def command(self) -> list[str]:
        there = urlsplit(self.backend)
        settings = self.folder / "pgbouncer.ini"
        accounts = self.folder / "accounts.txt"
        write_private(accounts, f'"bouncer" "{self.password}"\n', self.user)
        write_private(
            settings,
            f"""
            [databases]
            postgres = host={there.hostname} port={there.port} dbname=postgres user={there.username} \
                password={unquote(there.password or "")}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {self.port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {accounts}
            pool_mode = transaction
            default_pool_size = 2
            """,
            self.user,
        )
        assert self._program
        return [self._program, str(settings)]


@pytest.fixture(scope="module")
def bouncer_url(postgres_url: str) -> Iterator[str]:
    PgBouncer.backend = postgres_url
    with PgBouncer() as service:
        yield service.url


class TestBehindPgBouncer(StoreConformance):
    backends = ("asyncio",)

    @pytest.fixture
    def make_store(self, bouncer_url: str, table: str) -> MakeStore:
        return lambda: PostgresStore(bouncer_url, table=table)


class TestAway(Outages):
    timeout = postgres_store, 0.5

    @pytest.fixture
    def url(self, bouncer_url: str, table: str) -> str:
        return f"{bouncer_url}?table={table}"


async def test_statements_stay_prepared_where_it_keeps_account_of_them(bouncer_url: str, table: str) -> None:
    """From 1.21 on; before, the next statement may meet another connection, without them."""
    program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
    assert program
    told = (await anyio.run_process([program, "--version"])).stdout.decode()
    version = tuple(int(part) for part in told.split()[1].split("."))
    proxy = Proxy(bouncer_url)
    await proxy.up()
    store = PostgresStore(proxy.url, table=table)
    key, record = a_key(), a_record()
    assert await store.create(key, record)
    await store.load(key)
    before = proxy.asked
    assert await store.load(key) == record
    assert proxy.asked - before == (1 if version >= (1, 21) else 2)
    await store.close()
    await proxy.down()


async def test_a_pool_of_the_apps_own(bouncer_url: str, table: str) -> None:
    """A pool that is given needs `statement_cache_size=0`, and no more."""
    async with asyncpg.create_pool(bouncer_url, min_size=5, max_size=5, statement_cache_size=0) as pool:
        store = PostgresStore(pool, table=table)
        for _ in range(20):
            key, record = a_key(), a_record()
            await store.create(key, record)
            assert await store.load(key) == record
