"""EXP-1, EXP-4: a timeout that the operator shortens holds at the next request, with every kind of store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, Watched, answer, own, site

from sessions import CookieStore, MemoryStore, SQLiteStore

pytestmark = [pytest.mark.anyio, pytest.mark.promise("EXP-1: a shortened timeout", "EXP-4")]

DAY = 24 * 60 * 60.0


@pytest.fixture(params=["memory", "sealed ids", "sqlite", "cookie"])
def deploy(request: pytest.FixtureRequest, tmp_path: Any) -> Callable[..., Any]:
    """Each call is one more start of the same app, with other options."""
    make: dict[str, Callable[[], Any]] = {
        "memory": MemoryStore,
        "sealed ids": MemoryStore,
        "sqlite": lambda: SQLiteStore(tmp_path / "sessions.db"),
        "cookie": CookieStore,
    }
    store = make[request.param]()
    key = KEY if request.param in ("sealed ids", "cookie") else None
    return lambda **options: site(log_in, store=store, encryption_key=key, **options)


async def log_in(request: Request) -> Response:
    own(request).rotate()
    own(request).owner = "ada"
    return answer()


async def alive(browser: Browser) -> bool:
    return bool((await browser.copy().get("/keys")).json())


async def begun(app: Any, clock: Clock, *, visits: int = 1) -> Browser:
    """A browser with a session that was extended by its last visits, a day apart."""
    browser = Browser(app)
    await browser.get("/write", a="1")
    for _ in range(visits):
        clock.go(DAY)
        await browser.get("/read")
    return browser


LONGER: list[dict[str, Any]] = [
    {"expire_after": 30 * DAY},
    {"expire_after": 2 * 3600.0},
    {"expire_after": 2 * 3600.0, "auto_extend_expiration": False},
    {"expire_after": 30 * DAY, "absolute_timeout": 40 * DAY},
    {"absolute_timeout": 40 * DAY},
    {},
]


@pytest.mark.parametrize(("pause", "lives"), [(3590, True), (3600 + 61, False)])
@pytest.mark.parametrize("before", LONGER, ids=str)
async def test_an_idle_timeout(
    deploy: Callable[..., Any], before: dict[str, Any], pause: float, lives: bool, clock: Clock
) -> None:
    """At most a refresh interval longer (EXP-2): a cookie does not tell a first expiry from an extension."""
    browser = Browser(deploy(**before))
    await browser.get("/write", a="1")
    browser.app = deploy(expire_after=3600)
    clock.go(pause)
    assert await alive(browser) is lives


@pytest.mark.parametrize(("pause", "lives"), [(3590, True), (3600 + 61, False)])
@pytest.mark.parametrize("before", [LONGER[0], LONGER[1], LONGER[3]], ids=str)
async def test_an_idle_timeout_counts_from_the_last_request(
    deploy: Callable[..., Any], before: dict[str, Any], pause: float, lives: bool, clock: Clock
) -> None:
    """At most a refresh interval of the old rules longer (EXP-2)."""
    browser = Browser(deploy(**before))
    await browser.get("/write", a="1")
    clock.go(1800)
    await browser.get("/read")
    browser.app = deploy(expire_after=3600)
    clock.go(pause)
    assert await alive(browser) is lives


async def test_activity_extends_it_by_the_new_timeout_from_then_on(
    deploy: Callable[..., Any], clock: Clock
) -> None:
    browser = await begun(deploy(expire_after=30 * DAY), clock)
    browser.app = deploy(expire_after=3600)
    for _ in range(5):
        clock.go(3500)
        assert (await browser.get("/read")).json() == {"a": "1"}
    clock.go(3700)
    assert not await alive(browser)


async def test_an_absolute_timeout(deploy: Callable[..., Any], clock: Clock) -> None:
    browser = await begun(deploy(expire_after=30 * DAY, absolute_timeout=90 * DAY), clock, visits=3)
    browser.app = deploy(expire_after=30 * DAY, absolute_timeout=3 * DAY + 100)
    assert await alive(browser)
    clock.go(100)
    assert not await alive(browser)


async def test_a_longer_one_ends_nobodys_session(deploy: Callable[..., Any], clock: Clock) -> None:
    browser = await begun(deploy(expire_after=2 * DAY), clock)
    browser.app = deploy(expire_after=30 * DAY, absolute_timeout=90 * DAY)
    clock.go(DAY)
    assert (await browser.get("/read")).json() == {"a": "1"}
    clock.go(29 * DAY)
    assert await alive(browser)


async def test_who_has_just_been_here_is_not_logged_out(deploy: Callable[..., Any], clock: Clock) -> None:
    """Also if an extension by the old rules was not written for a while, to save writes."""
    browser = await begun(deploy(expire_after=30 * DAY, refresh_interval=600), clock)
    clock.go(500)
    await browser.get("/read")  # within the interval: nothing was written
    browser.app = deploy(expire_after=3600, refresh_interval=600)
    clock.go(3590)
    assert await alive(browser)


@pytest.mark.parametrize("seconds", [2, 30])
async def test_a_tombstone_outlives_a_timeout_that_is_shorter(seconds: int, clock: Clock) -> None:
    """ROT-6: a login whose answer was lost finds its session, whatever the rules are by then."""
    store = MemoryStore()
    browser = Browser(site(log_in, store=store, expire_after=3600))
    await browser.get("/write", a="1")
    old = browser.copy()
    await browser.get("/log_in")
    old.app = browser.app = site(log_in, store=store, expire_after=seconds)
    clock.go(1)
    await old.get("/log_in")
    assert old.cookie() == browser.cookie()


async def test_it_costs_no_call_of_the_store(clock: Clock) -> None:
    store = Watched()
    browser = await begun(site(store=store, expire_after=30 * DAY), clock)
    browser.app = site(store=store, expire_after=3600, refresh_interval=600)
    clock.go(100)
    store.calls.clear()
    for _ in range(5):
        await browser.get("/read")
        clock.go(2)
    assert store.calls == {"load": 5, "replace": 1}
