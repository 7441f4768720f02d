"""The databases that set themselves up start, keep what they have, and end with whoever started them."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
import redis.asyncio as redis
import yaml
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from e2e.server.server import Server
from services import MariaDB, Postgres, Service, ServiceFailed, Valkey, running
from services import postgres as postgres_module
from services import valkey as valkey_module
from sessions import Store, StoreUnavailable, open_store
from sessions.stores import postgres as postgres_store
from sessions.stores import redis as redis_store
from sessions.testing.kit import a_key, a_record

ROOT = Path(__file__).parent.parent
KEY = "a key for tests with 32 characters or more"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("kind", [Valkey, Postgres])
def test_it_keeps_its_port_and_data_over_a_restart(kind: type[Service], end: str) -> None:
    key, record = a_key(), a_record()

    async def write() -> None:
        store = open_store(service.url)
        assert isinstance(store, Store)
        assert await store.create(key, record)
        await store.close()

    async def read() -> None:
        store = open_store(service.url)
        assert isinstance(store, Store)
        assert await store.load(key) == record
        await store.close()

    with kind() as service:
        url = service.url
        anyio.run(write)
        service.stop() if end == "stop" else service.kill()
        assert not listens(service.port)
        service.start()
        assert service.url == url
        anyio.run(read)
    assert not listens(service.port)
    assert not service.folder.exists()


@pytest.mark.parametrize("kind", [Valkey, Postgres])
def test_it_holds_still_as_long_as_it_is_frozen(kind: type[Service], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (redis_store, postgres_store):
        monkeypatch.setattr(module, "TIMEOUT", 0.5)

    async def use() -> None:
        store = open_store(service.url)
        assert isinstance(store, Store)
        key, record = a_key(), a_record()
        assert await store.create(key, record)
        with service.frozen(), pytest.raises(StoreUnavailable):
            await store.load(key)
        assert await store.load(key) == record
        await store.close()

    with kind() as service:
        anyio.run(use)


@pytest.mark.parametrize("kind", [Valkey, Postgres])
def test_it_ends_when_its_starter_is_killed(kind: type[Service]) -> None:
    script = (
        f"import time; from services import {kind.__name__}; s = {kind.__name__}(); s.start();"
        "print(s.port, s.folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout
        port, folder = starter.stdout.readline().split()
        assert listens(int(port))
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    deadline = time.monotonic() + 20
    while (listens(int(port)) or Path(folder).exists()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not listens(int(port))
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        (Valkey, redis.AuthenticationError),
        (Postgres, asyncpg.InvalidPasswordError),
        pytest.param(MariaDB, SQLAlchemyError, marks=pytest.mark.mariadb),
    ],
)
def test_nobody_gets_in_without_the_password(kind: type[Service], refusal: type[Exception]) -> None:
    """Every account of the machine reaches the port, and a database's superuser can run commands."""

    async def enter(url: str) -> None:
        if kind is Valkey:
            async with redis.Redis.from_url(url) as client:
                await client.ping()
        elif kind is Postgres:
            await (await asyncpg.connect(url)).close()
        else:
            engine = create_async_engine(url)
            try:
                async with engine.connect():
                    pass
            finally:
                await engine.dispose()

    with kind() as service:
        anyio.run(enter, service.url)
        password = f":{service.password}@"
        assert password in service.url
        for instead in ("@", ":wrong@"):
            with pytest.raises(refusal):
                anyio.run(enter, service.url.replace(password, instead).replace("//@", "//"))


@pytest.mark.parametrize("kind", [Valkey, Postgres, pytest.param(MariaDB, marks=pytest.mark.mariadb)])
def test_what_others_can_see_shows_no_password(kind: type[Service]) -> None:
    """Command lines are for everybody to list; the folder is for its owner."""
    with kind() as service:
        every = ["ps", "-ww", "-eo", "args="]
        listed = subprocess.run(every, capture_output=True, text=True, check=True).stdout
        assert str(service.folder) in listed
        assert service.password not in listed
        # Valkey writes another title over its command line, but the kernel showed that before.
        assert not any(service.password in word for word in service.command())
        assert stat.S_IMODE(service.folder.stat().st_mode) == 0o700
    with kind() as another:
        assert another.password != service.password


def test_a_server_under_test_is_told_its_store_where_nobody_else_sees_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: dict[str, Any] = {}

    def start(self: Server, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        told.update(command=" ".join(command), environment=environment)

    monkeypatch.setattr(Server, "_start", start)
    Server("uvicorn", "redis://:secret@127.0.0.1/0", key=KEY, folder=tmp_path, log=tmp_path / "log")
    assert "secret" not in told["command"]
    assert KEY not in told["command"]
    command = [sys.executable, "-m", "reference_server", "--port", "70000"]
    for url, complaint in (("memory:", "no port 70000"), ("nosuch:secret", "no store has this URL scheme")):
        done = subprocess.run(
            command if url == "memory:" else command[:3],
            env={**told["environment"], "REFERENCE_SERVER_STORE": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert complaint in done.stderr
        assert "secret" not in done.stderr


def compose_services() -> Iterator[tuple[str, str]]:
    """Of compose.yaml and the workflows: the name of each database and its settings as text."""
    for file in (ROOT / "compose.yaml", *sorted((ROOT / ".github" / "workflows").glob("*.yml"))):
        read = yaml.safe_load(file.read_text("utf-8"))
        for job in [read, *read.get("jobs", {}).values()]:
            for name, settings in job.get("services", {}).items():
                yield f"{file.name}: {name}", yaml.safe_dump(settings)


def test_a_database_in_a_container_has_a_password_and_no_neighbours() -> None:
    found = dict(compose_services())
    assert len(found) >= 4
    for name, settings in found.items():
        assert re.search(r"PASSWORD|valkey\.conf", settings), name
        assert not re.search(r"trust|ALLOW_EMPTY", settings), name
        assert re.findall(r"^- ([\d.]+):\d+:\d+$", settings, re.MULTILINE) == ["127.0.0.1"], name


def test_what_cannot_start_fails_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(
        Valkey, "command", lambda self: ["/bin/sh", "-c", "echo cannot open the file; exit 1"]
    )
    with pytest.raises(ServiceFailed, match=r"Valkey ended:\ncannot open the file"), running("redis"):
        pass


def test_what_is_not_installed_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((valkey_module, "redis"), (postgres_module, "postgres")):
        monkeypatch.delenv(f"{name.upper()}_URL", raising=False)
        monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(ServiceFailed, match=rf"{name.upper()}_URL"), running(name):
            pass


def test_a_running_one_is_used_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere/1")
    with running("redis") as url:
        assert url == "redis://elsewhere/1"
