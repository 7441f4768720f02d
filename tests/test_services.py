"""The databases that set themselves up start, keep what they have, and end with whoever started them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from e2e.services import Postgres, Service, ServiceFailed, Valkey, running
from e2e.services import postgres as postgres_module
from e2e.services import valkey as valkey_module
from sessions import Store, open_store
from sessions.testing.kit import a_key, a_record

ROOT = Path(__file__).parent.parent


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("kind", [Valkey, Postgres])
def test_it_keeps_its_port_and_data_over_a_restart(kind: type[Service]) -> None:
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
        service.stop()
        assert not listens(service.port)
        service.start()
        assert service.url == url
        anyio.run(read)
    assert not listens(service.port)
    assert not service.folder.exists()


@pytest.mark.parametrize("kind", [Valkey, Postgres])
def test_it_ends_when_its_starter_is_killed(kind: type[Service]) -> None:
    script = (
        f"import time; from e2e.services import {kind.__name__}; s = {kind.__name__}(); s.start();"
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
