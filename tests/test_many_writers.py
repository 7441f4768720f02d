"""CONC-1: many writers of one session do not multiply the store's work. Calls are counted, not timed."""

from __future__ import annotations

from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, Crowd, Watched, answer, own, site

from sessions import _turns

pytestmark = [pytest.mark.anyio, pytest.mark.promise("CONC-1: at a cost that grows with the writers")]

WRITERS = 400


class Distant(Watched):
    """Other tasks run before each call of the store, as with one behind a network."""

    async def _on(self, name: str) -> None:
        await super()._on(name)
        for _ in range(3):
            await checkpoint()


async def test_each_writer_needs_a_few_calls_of_the_store() -> None:
    store, crowd = Distant(), Crowd(WRITERS)

    async def count(request: Request) -> Response:
        session = own(request)
        session.get("n")
        await crowd.wait()
        session.increment("n")
        return answer()

    browser = Browser(site(count, store=store))
    await browser.get("/write", a="1")
    store.calls.clear()
    async with anyio.create_task_group() as tasks:
        for _ in range(WRITERS):
            tasks.start_soon(browser.get, "/count")
    assert (await browser.get("/read")).json() == {"a": "1", "n": WRITERS}
    # A load at first; a try that fails, and a load that says so; in its turn a load and a try that succeeds.
    assert sum(store.calls.values()) <= 5 * WRITERS + 10
    assert _turns._queues.get() == {}


async def test_writers_with_an_old_id_take_turns_as_well() -> None:
    store, crowd, writers = Distant(), Crowd(100), 100

    async def count(request: Request) -> Response:
        await crowd.wait()
        own(request).increment("n")
        return answer()

    browser = Browser(site(count, store=store))
    await browser.get("/write", a="1")
    old = browser.copy()
    await browser.get("/rotate")
    store.calls.clear()
    async with anyio.create_task_group() as tasks:
        for _ in range(writers):
            tasks.start_soon(old.get, "/count")
    assert (await browser.get("/read")).json() == {"a": "1", "n": writers}
    assert sum(store.calls.values()) <= 16 * writers
    assert _turns._queues.get() == {}


async def test_a_writer_that_hangs_holds_nobody_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its turn passes to whoever has waited long enough, and a cancelled one leaves the queue."""
    monkeypatch.setattr(_turns, "PATIENCE", 0.01)
    first, second = _turns.Retry(), _turns.Retry()
    await first.wait("key")
    with anyio.fail_after(10):
        await second.wait("key")
    second.end()
    monkeypatch.setattr(_turns, "PATIENCE", 1e9)
    cancelled = _turns.Retry()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancelled.wait, "key")
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    cancelled.end()
    first.end()
    assert _turns._queues.get() == {}
    with anyio.fail_after(10):
        again = _turns.Retry()
        await again.wait("key")
        again.end()


async def test_sessions_do_not_wait_for_each_other() -> None:
    retries = [_turns.Retry() for _ in range(3)]
    with anyio.fail_after(10):
        for number, retry in enumerate(retries):
            await partial(retry.wait, f"key {number}")()
    for retry in retries:
        retry.end()
