"""What every store behind a network does when the network fails: for the stores' own test modules."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import anyio
import pytest

from services.tcp_proxy import Proxy
from sessions import Store, StoreUnavailable, open_store
from sessions.testing.kit import a_key, a_record
from sessions.testing.requests import Visitor

ROOT = Path(__file__).parent.parent.parent

SECRET = b"what only the session knows"


class Outages:
    """Give it a fixture `url`, of a place that is empty."""

    timeout: ClassVar[tuple[ModuleType, float]]
    """The store's module, and the seconds that its TIMEOUT is here."""

    @pytest.fixture
    def patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module, seconds = self.timeout
        monkeypatch.setattr(module, "TIMEOUT", seconds)

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    async def proxy(self, url: str, anyio_backend: str) -> AsyncIterator[Proxy]:
        proxy = Proxy(url)
        await proxy.up()
        yield proxy
        await proxy.down()

    @pytest.fixture
    async def store(self, proxy: Proxy, patience: None) -> AsyncIterator[Store]:
        store = open_store(proxy.url)
        assert isinstance(store, Store)
        yield store
        await store.close()

    @pytest.mark.anyio
    async def test_sessions_are_back_when_the_store_is(self, proxy: Proxy, store: Store) -> None:
        """BAD-2: a store that is away says so in each method, and nobody is logged out by it."""
        key, record = a_key(), a_record(SECRET, owner="ann")
        await store.create(key, record)
        for _ in range(2):
            await proxy.down()
            await _assert_unavailable(store, key)
            await proxy.up()
            assert await store.load(key) == record
            assert await store.owned_by("ann") == [(key, record)]
        newer = a_record(b"newer", version=2)
        assert await store.replace(key, newer, expected=1)
        assert await store.load(key) == newer

    @pytest.mark.anyio
    async def test_a_store_that_is_silent_is_away(self, proxy: Proxy, store: Store) -> None:
        """BAD-2: no request waits for ever for a store that does not answer."""
        key, record = a_key(), a_record(SECRET, owner="ann")
        await store.create(key, record)
        proxy.silent = True
        with pytest.raises(StoreUnavailable):
            await store.load(key)
        proxy.silent = False
        assert await store.load(key) == record

    @pytest.mark.anyio
    async def test_a_store_that_was_never_there(self, proxy: Proxy, store: Store) -> None:
        """BAD-2: a server may start before its database does."""
        key = a_key()
        await proxy.down()
        await _assert_unavailable(store, key)
        await proxy.up()
        assert await store.create(key, a_record())

    @pytest.mark.anyio
    async def test_two_processes_count_exactly(self, url: str) -> None:
        """CONC-2: increments of one session by two processes at once all count."""
        store = open_store(url)
        assert isinstance(store, Store)
        visitor = Visitor(store)
        await visitor.write(count=0)
        assert visitor.cookie
        command = [sys.executable, str(Path(__file__).parent / "counting.py"), visitor.cookie, "25"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COUNTING_URL": url}
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(
                    partial(anyio.run_process, command, env=environment, stdout=None, stderr=None)
                )
        assert await visitor.read() == {"count": 50}
        await store.close()


async def _assert_unavailable(store: Store, key: str) -> None:
    record = a_record(SECRET, version=2, owner="ann")
    calls: list[Callable[[], object]] = [
        lambda: store.load(key),
        lambda: store.create(a_key(), record),
        lambda: store.replace(key, record, expected=1),
        lambda: store.delete(key),
        lambda: store.owned_by("ann"),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable) as raised:
            await call()  # type: ignore[misc]
        told = "".join(traceback.format_exception(raised.value))
        assert SECRET.decode() not in told
        assert SECRET.hex() not in told
        assert key not in str(raised.value)


async def assert_each_call_is_one_round_trip(store: Store, proxy: Proxy) -> None:
    """Once the connection is open, the table there and the statements prepared."""
    record, newer = a_record(owner="ann"), a_record(b"newer", version=2, owner="ann")
    steps: list[int] = []
    for _ in range(2):
        key, steps = a_key(), [proxy.asked]
        assert await store.create(key, record)
        steps.append(proxy.asked)
        assert await store.load(key) == record
        steps.append(proxy.asked)
        assert await store.replace(key, newer, expected=1)
        steps.append(proxy.asked)
        await store.delete(key)
        steps.append(proxy.asked)
    assert [later - earlier for earlier, later in pairwise(steps)] == [1, 1, 1, 1]
