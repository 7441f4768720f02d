from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import settings
from support import KEY, Clock

from sessions import EncryptedStore, MemoryStore, SQLiteStore, Store

settings.register_profile("untimed", deadline=None)  # a busy machine must not fail anything
settings.load_profile("untimed")


LOG_LEVEL = logging.getLogger().level


@pytest.fixture(autouse=True)
def usual_log_level() -> None:
    """An app of Litestar's sets up the logging of the whole process, and other tests read the log."""
    logging.getLogger().setLevel(LOG_LEVEL)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Each asynchronous test runs on both."""
    backend: str = request.param
    return backend


@pytest.fixture(params=["memory", "sqlite", "encrypted"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each server-side store that needs no service."""
    stores: dict[str, Callable[[], Store]] = {
        "memory": MemoryStore,
        "sqlite": lambda: SQLiteStore(tmp_path / "sessions.db"),
        "encrypted": lambda: EncryptedStore(MemoryStore(), KEY),
    }
    store = stores[request.param]()
    yield store
    await store.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of day for library, stores and browser alike."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock
