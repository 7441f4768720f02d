from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings
from support import Clock

from sessions import MemoryStore, SQLiteStore, Store

settings.register_profile("untimed", deadline=None)  # a busy machine must not fail anything
settings.load_profile("untimed")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Each asynchronous test runs on both."""
    backend: str = request.param
    return backend


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each server-side store that needs no service."""
    store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "sessions.db")
    yield store
    await store.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of day for library, stores and browser alike."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock
