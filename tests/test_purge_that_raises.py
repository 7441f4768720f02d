"""BAD-5: whatever a purge raises, the app runs on, and the next purge comes."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from starlette.testclient import TestClient
from support import Browser, Clock, site

from sessions import MemoryStore, StoreUnavailable

pytestmark = pytest.mark.promise("BAD-5: a purge that raises", "EXP-5")


class Faulty(MemoryStore):
    """As a store of another package may be."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault: Exception | None = fault
        self.purges = 0
        self.failed, self.purged = threading.Event(), threading.Event()

    async def purge(self) -> int:
        self.purges += 1
        if self.fault is not None:
            self.failed.set()
            raise self.fault
        removed = await super().purge()
        if removed:
            self.purged.set()
        return removed

    async def close(self) -> None:
        if self.fault is not None:
            raise self.fault


FAULTS = [
    StoreUnavailable("the store is away"),
    OSError("hunter2"),
    RuntimeError("hunter2"),
    TypeError("hunter2"),
    ExceptionGroup("hunter2", [ValueError("hunter2")]),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_the_app_goes_on_and_the_next_purge_is_done(
    fault: Exception, monkeypatch: pytest.MonkeyPatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sessions._purge.PURGE_INTERVAL", 0.01)
    store = Faulty(fault)
    with TestClient(site(store=store, expire_after=100)) as client:
        assert client.get("/write", params={"a": "1"}).status_code == 200
        assert store.failed.wait(10)
        assert client.get("/read").json() == {"a": "1"}
        clock.go(100)
        store.fault = None
        assert store.purged.wait(10)
    assert "could not purge expired sessions" in caplog.text
    assert type(fault).__name__ in caplog.text or str(fault) in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_the_app_ends_in_order_though_the_store_cannot_be_closed(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with TestClient(site(store=Faulty(fault))) as client:
        assert client.get("/untouched").status_code == 200
    assert "could not close the store" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_no_request_fails_by_it_where_the_server_has_no_lifespan(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions._purge.PURGE_INTERVAL", 0.0)
    store = Faulty(fault)
    browser = Browser(site(store=store))
    for number in (1, 2):
        response: Any = await browser.get("/untouched")
        assert (response.status, response.error) == (200, None)
        assert store.purges == number
