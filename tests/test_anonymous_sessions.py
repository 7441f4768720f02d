"""EXP-1: sessions without an owner can have a shorter idle timeout than those of users."""

from __future__ import annotations

from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, Watched, answer, attributes, own, site

from sessions import CookieStore, MemoryStore, SessionMiddleware

pytestmark = [pytest.mark.anyio, pytest.mark.promise("EXP-1: anonymous sessions")]

KINDS: dict[str, Any] = {"server": MemoryStore, "cookie": CookieStore}
DAY = 24 * 60 * 60.0


async def log_in(request: Request) -> Response:
    if "rotate" in request.query_params:
        own(request).rotate()
    own(request).owner = "ada"
    return answer()


async def log_out(request: Request) -> Response:
    own(request).owner = None
    return answer()


@pytest.fixture(params=KINDS)
def visitor(request: pytest.FixtureRequest) -> Browser:
    app = site(
        log_in,
        log_out,
        store=KINDS[request.param](),
        encryption_key=KEY,
        expire_after=30 * DAY,
        anonymous_expire_after=3600,
    )
    return Browser(app)


async def alive(browser: Browser) -> bool:
    return bool((await browser.get("/keys")).json())


async def test_an_anonymous_one_ends_sooner(visitor: Browser, clock: Clock) -> None:
    reply = await visitor.get("/write", a="1")
    assert attributes(reply.set_cookies[0])["max-age"] == "3600"
    thief = visitor.copy()
    clock.go(3600)
    assert await thief.replayed(reply.set_cookies[0].partition(";")[0].partition("=")[2]) == {}


async def test_activity_extends_it_by_the_shorter_time(visitor: Browser, clock: Clock) -> None:
    await visitor.get("/write", a="1")
    for _ in range(5):
        clock.go(3500)
        assert await alive(visitor)
    clock.go(3661)
    assert not await alive(visitor)


@pytest.mark.parametrize("url", ["/log_in", "/log_in?rotate=1"])
async def test_a_login_begins_the_longer_time(visitor: Browser, url: str, clock: Clock) -> None:
    await visitor.get("/write", a="1")
    clock.go(1800)
    reply = await visitor.get(url)
    assert attributes(reply.set_cookies[0])["max-age"] == str(int(30 * DAY))
    clock.go(30 * DAY - 1)
    assert await alive(visitor)


async def test_a_session_that_begins_with_the_login_has_the_longer_time(
    visitor: Browser, clock: Clock
) -> None:
    await visitor.get("/log_in")
    await visitor.get("/write", a="1")
    clock.go(29 * DAY)
    assert await alive(visitor)


async def test_a_session_that_loses_its_owner_has_the_shorter_time_again(
    visitor: Browser, clock: Clock
) -> None:
    await visitor.get("/log_in")
    await visitor.get("/log_out")
    await visitor.get("/write", a="1")
    clock.go(3590)
    assert await alive(visitor.copy())
    clock.go(100)
    assert not await alive(visitor)


@pytest.mark.parametrize("options", [{}, {"absolute_timeout": 90 * DAY}], ids=["retention", "absolute"])
async def test_also_where_users_have_no_idle_timeout(options: dict[str, Any], clock: Clock) -> None:
    app = site(log_in, store=MemoryStore(), anonymous_expire_after=3600, **options)
    visitor, user = Browser(app), Browser(app)
    reply = await visitor.get("/write", a="1")
    assert ("max-age" in attributes(reply.set_cookies[0])) == bool(options)
    await user.get("/write", a="1")
    await user.get("/log_in")
    clock.go(3601)
    assert not await alive(visitor)
    clock.go(10 * DAY)
    assert await alive(user)


async def test_an_absolute_timeout_counts_from_the_beginning(clock: Clock) -> None:
    app = site(
        log_in, store=MemoryStore(), expire_after=DAY, absolute_timeout=2 * DAY, anonymous_expire_after=3600
    )
    browser = Browser(app)
    await browser.get("/log_in")
    await browser.get("/write", a="1")
    for _ in range(3):
        clock.go(0.6 * DAY)
        assert await alive(browser)
    clock.go(0.3 * DAY)
    assert not await alive(browser)


async def test_it_writes_no_more_often(clock: Clock) -> None:
    store = Watched()
    browser = Browser(site(store=store, expire_after=30 * DAY, anonymous_expire_after=3600))
    await browser.get("/write", a="1")
    clock.go(2)
    before, began = store.writes, clock.now
    for _ in range(600):
        await browser.get("/read")
        clock.go(1)
    assert store.writes - before == (clock.now - began) // 60


@pytest.mark.parametrize("seconds", [0, -1, 3600, 5000, "1"])
def test_a_time_that_is_not_shorter_is_an_error(seconds: Any) -> None:
    make, app = SessionMiddleware, cast("Any", None)
    with pytest.raises((ValueError, TypeError), match="anonymous_expire_after"):
        make(app, MemoryStore(), expire_after=3600, anonymous_expire_after=seconds)
