"""What a request took is free as it ends: Python finds what holds itself late, and each search costs."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Watched, answer, own, site

from sessions import CookieStore, DeviceBinding, MemoryStore, SQLiteStore, Store, StoreUnavailable

pytestmark = pytest.mark.anyio

URLS = [
    *("/untouched", "/read", "/write?a=1", "/flash?message=hello", "/message", "/increment"),
    *("/rotate", "/log_in", "/save", "/destroy", "/write?b=1", "/fail"),
]


@contextmanager
def only_searched() -> Iterator[list[object]]:
    """Afterwards the list has what nobody but itself held."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
    finally:
        gc.set_debug(0)
        gc.enable()
        found += gc.garbage
        gc.garbage.clear()


async def log_in(request: Request) -> Response:
    own(request).owner = "ann"
    return answer()


async def save(request: Request) -> Response:
    own(request)["saved"] = [1]
    await own(request).save()
    await own(request).refresh()
    return answer()


async def fail(request: Request) -> Response:
    own(request)["a"] = "never"
    return answer(status_code=500)


@pytest.mark.parametrize("kind", ["memory", "sqlite", "cookie", "sealed ids", "bound"])
async def test_no_request_leaves_anything_that_holds_itself(kind: str, tmp_path: Path) -> None:
    store: Store | CookieStore = MemoryStore()
    if kind == "sqlite":
        store = SQLiteStore(tmp_path / "sessions.db")
    elif kind == "cookie":
        store = CookieStore()
    app = site(
        log_in,
        save,
        fail,
        store=store,
        encryption_key=KEY if kind in ("cookie", "sealed ids") else None,
        device_binding=DeviceBinding() if kind == "bound" else None,
    )
    browser = Browser(app, scheme="https")
    for url in URLS:
        await browser.get(url)
    with only_searched() as found:
        for url in URLS:
            await browser.get(url)
    assert_nothing_of_ours(found)


@pytest.mark.parametrize("own_page", [False, True])
async def test_nor_does_a_request_whose_store_is_away(
    own_page: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(request: Request, fault: Exception) -> Response:
        return answer("come back later", status_code=503)

    caplog.set_level(logging.CRITICAL, "sessions")  # pytest keeps what is logged, the exception with it
    store = Watched()

    async def writes_fail(verb: str) -> None:
        if verb in ("create", "replace"):
            raise StoreUnavailable("the disk is full")

    app = site(store=store, exception_handlers={StoreUnavailable: away} if own_page else {})
    browser = Browser(app)
    store.before = writes_fail
    assert (await browser.get("/write?a=1")).status == 503
    with only_searched() as found:
        assert (await browser.get("/write?a=1")).status == 503
    assert_nothing_of_ours(found)


def assert_nothing_of_ours(found: list[object]) -> None:
    ours = {type(each).__name__ for each in found if type(each).__module__.startswith("sessions")}
    assert ours == set()
    assert not any(isinstance(each, dict) and "session" in each for each in found)
