"""SEC-5: only its owner reads a database file that the library has made."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessions import Store, open_store
from sessions.testing.kit import a_key, a_record

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SEC-5: files are private")]


@pytest.fixture(autouse=True)
def _generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite", "sqlite+aiosqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}:///{tmp_path}/sessions.db"


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_a_new_database_and_what_stands_beside_it_are_private(url: str, tmp_path: Path) -> None:
    store = open_store(url)
    assert isinstance(store, Store)
    await store.create(a_key(), a_record())
    found = modes(tmp_path)
    assert set(found.values()) == {0o600}
    assert "sessions.db" in found
    if url.startswith("sqlite:"):
        assert {"sessions.db-wal", "sessions.db-shm"} <= found.keys()
    await store.close()


async def test_a_database_that_is_there_keeps_its_mode(url: str, tmp_path: Path) -> None:
    (tmp_path / "sessions.db").touch(mode=0o660)
    store = open_store(url)
    assert isinstance(store, Store)
    await store.create(a_key(), a_record())
    assert set(modes(tmp_path).values()) == {0o660}
    await store.close()
