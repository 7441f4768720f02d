"""EXP-7: one session has timeouts of its own, and they travel with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, OTHER_KEY, Browser, Clock, Gate, Watched, answer, attributes, own, site, slow

from sessions import (
    CookieStore,
    LateChange,
    MemoryStore,
    SessionMiddleware,
    SessionTooLarge,
    Store,
    StoreUnavailable,
)

pytestmark = [pytest.mark.anyio, pytest.mark.promise("EXP-7")]

HOUR = 60 * 60
DAY = 24 * HOUR

KINDS: dict[str, Any] = {
    "id": MemoryStore,
    "content": CookieStore,
    "shared with hono-sessions": lambda: CookieStore(shared_with="hono-sessions"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    return KINDS[request.param]()


def _seconds(text: str | None) -> float | None:
    return None if text in (None, "") else float(text or 0)


async def set_lifetime(request: Request) -> Response:
    idle, absolute = request.query_params.get("idle"), request.query_params.get("absolute")
    own(request).set_lifetime(_seconds(idle), _seconds(absolute))
    return answer()


async def reset_lifetime(request: Request) -> Response:
    own(request).reset_lifetime()
    return answer()


async def log_in(request: Request) -> Response:
    session = own(request)
    session.owner = request.query_params["owner"]
    session["name"] = session.owner
    if "remember" in request.query_params:
        session.set_lifetime(timedelta(days=30))
    return answer()


async def expires_at(request: Request) -> Response:
    moment = own(request).expires_at
    return answer(moment and moment.timestamp())


def visitor(store: Any = None, **options: Any) -> Browser:
    handlers = (set_lifetime, reset_lifetime, log_in, expires_at)
    options = {"expire_after": HOUR, **options}
    return Browser(site(*handlers, store=store or MemoryStore(), encryption_key=KEY, **options))


async def alive(browser: Browser) -> bool:
    return bool((await browser.get("/keys")).json())


def max_age(reply: Any) -> str | None:
    """Of the one cookie that the response sets."""
    (cookie,) = reply.set_cookies
    return attributes(cookie).get("max-age")


# -- remember me -------------------------------------------------------------------------------------


async def test_a_login_is_remembered_longer_than_others(kind: Any, clock: Clock) -> None:
    remembered, other = visitor(kind), visitor(kind)
    assert max_age(await remembered.get("/log_in", owner="ada", remember="1")) == str(30 * DAY)
    assert max_age(await other.get("/log_in", owner="bob")) == str(HOUR)
    clock.go(29 * DAY)
    assert await alive(remembered)
    assert not await alive(other)


async def test_activity_extends_it_by_its_own_timeout(kind: Any, clock: Clock) -> None:
    browser = visitor(kind)
    await browser.get("/log_in", owner="ada", remember="1")
    clock.go(20 * DAY)
    reply = await browser.get("/read")
    assert max_age(reply) == str(30 * DAY + 60), "paid for until the next extension, a minute later"
    clock.go(30 * DAY)
    assert await alive(browser)
    clock.go(30 * DAY + 61)
    assert not await alive(browser)


async def test_a_copy_of_the_cookie_is_worth_nothing_after_its_end(store: Store, clock: Clock) -> None:
    browser = visitor(store)
    await browser.get("/log_in", owner="ada", remember="1")
    thief = browser.copy()
    cookie = browser.cookie()
    clock.go(30 * DAY)
    assert await thief.replayed(cookie) == {}


async def test_between_two_extensions_nothing_is_written_and_no_cookie_sent(clock: Clock) -> None:
    store = Watched()
    browser = visitor(store)
    await browser.get("/log_in", owner="ada", remember="1")
    clock.go(DAY)
    await browser.get("/read")
    written = store.writes
    for path in ("/read", "/untouched", "/read"):
        clock.go(10)
        assert (await browser.get(path)).set_cookies == []
    assert store.writes == written
    clock.go(60)
    assert (await browser.get("/untouched")).set_cookies


async def test_without_auto_extension_it_is_not_extended_either(kind: Any, clock: Clock) -> None:
    browser = visitor(kind, auto_extend_expiration=False)
    await browser.get("/log_in", owner="ada", remember="1")
    clock.go(20 * DAY)
    assert (await browser.get("/read")).set_cookies == []
    clock.go(10 * DAY)
    assert not await alive(browser)


async def test_touch_extends_it_by_its_own_timeout(kind: Any, clock: Clock) -> None:
    browser = visitor(kind, auto_extend_expiration=False)
    await browser.get("/log_in", owner="ada", remember="1")
    clock.go(20 * DAY)
    assert max_age(await browser.get("/touch")) == str(30 * DAY)


# -- other lifetimes ---------------------------------------------------------------------------------


async def test_it_may_be_shorter(kind: Any, clock: Clock) -> None:
    browser = visitor(kind)
    await browser.get("/write", a="1")
    assert max_age(await browser.get("/set_lifetime", idle="100")) == "100"
    assert (await browser.get("/expires_at")).json() == clock.now + 100
    clock.go(100)
    assert not await alive(browser)


async def test_an_absolute_timeout_of_its_own(kind: Any, clock: Clock) -> None:
    browser = visitor(kind)
    await browser.get("/write", a="1")
    clock.go(100)
    assert max_age(await browser.get("/set_lifetime", absolute="1000")) == "900", "from its birth"
    for _ in range(8):
        clock.go(100)
        assert await alive(browser)
    clock.go(100)
    assert not await alive(browser)


async def test_bound_to_the_browser(kind: Any, clock: Clock) -> None:
    browser = visitor(kind)
    await browser.get("/write", a="1")
    reply = await browser.get("/set_lifetime")
    (cookie,) = reply.set_cookies
    assert not {"max-age", "expires"} & attributes(cookie).keys()
    assert (await browser.get("/expires_at")).json() is None
    clock.go(13 * DAY)
    assert await alive(browser), "longer than the middleware's hour"
    clock.go(15 * DAY + 1)
    assert not await alive(browser)


async def test_the_usual_one_again(kind: Any, clock: Clock) -> None:
    browser = visitor(kind)
    await browser.get("/log_in", owner="ada", remember="1")
    clock.go(DAY)
    assert max_age(await browser.get("/reset_lifetime")) == str(HOUR)
    clock.go(HOUR)
    assert not await alive(browser)


async def test_beside_a_middleware_without_timeouts(kind: Any, clock: Clock) -> None:
    browser = visitor(kind, expire_after=None)
    await browser.get("/write", a="1")
    assert max_age(await browser.get("/set_lifetime", idle=str(DAY))) == str(DAY)
    clock.go(DAY / 2)
    assert max_age(await browser.get("/read")) == str(DAY + 60)
    clock.go(2 * DAY)
    assert not await alive(browser)


async def test_a_visitor_with_a_lifetime_of_its_own_has_not_that_of_visitors(clock: Clock) -> None:
    browser = visitor(anonymous_expire_after=100)
    await browser.get("/set_lifetime", idle=str(DAY))
    await browser.get("/write", a="1")
    clock.go(HOUR * 20)
    assert await alive(browser)


# -- it travels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["/rotate", "/write?a=2", "/flash?m=1", "/increment?key=n", "/touch"])
async def test_it_stays_through_whatever_happens_to_the_session(kind: Any, clock: Clock, by: str) -> None:
    browser = visitor(kind)
    await browser.get("/write", a="1")
    await browser.get("/set_lifetime", idle=str(DAY))
    await browser.get(by)
    clock.go(DAY - 1)
    assert await alive(browser)
    clock.go(DAY - 1)
    assert await alive(browser), "and it was extended by its own timeout"


async def test_it_stays_through_a_login(kind: Any, clock: Clock) -> None:
    browser = visitor(kind)
    await browser.get("/set_lifetime", idle=str(DAY))
    await browser.get("/write", a="1")
    await browser.get("/log_in", owner="ada")
    clock.go(DAY - 1)
    assert await alive(browser)


async def test_another_owner_does_not_inherit_it(kind: Any, clock: Clock) -> None:
    browser = visitor(kind)
    await browser.get("/log_in", owner="ada", remember="1")
    assert max_age(await browser.get("/log_in", owner="bob")) == str(HOUR)
    clock.go(HOUR)
    assert not await alive(browser)


async def test_a_logout_ends_it(kind: Any, clock: Clock) -> None:
    browser = visitor(kind)
    await browser.get("/log_in", owner="ada", remember="1")
    await browser.get("/destroy")
    assert max_age(await browser.get("/write", a="1")) == str(HOUR)


async def test_the_operator_shortens_the_usual_timeouts(kind: Any, clock: Clock) -> None:
    before = visitor(kind)
    await before.get("/log_in", owner="ada", remember="1")
    after = visitor(kind, expire_after=60, absolute_timeout=2 * HOUR)
    after.jar = before.jar
    clock.go(3 * HOUR)
    assert await alive(after)


@pytest.mark.parametrize("first", ["lifetime", "write"])
async def test_a_parallel_write_keeps_it(store: Store, clock: Clock, first: str) -> None:
    gate = Gate()

    async def late(request: Request) -> Response:
        session = own(request)
        session.get("a")
        await gate.wait()
        if first == "lifetime":
            session["b"] = "1"
        else:
            session.set_lifetime(DAY)
        return answer()

    browser = Browser(site(set_lifetime, late, store=store, expire_after=HOUR))
    await browser.get("/write", a="1")
    path = f"/set_lifetime?idle={DAY}" if first == "lifetime" else "/write?b=1"
    await slow(gate, browser, "/late", lambda: browser.get(path))
    clock.go(DAY - 1)
    assert (await browser.get("/read")).json() == {"a": "1", "b": "1"}


async def test_what_a_parallel_request_set_stays_through_a_second_save(store: Store, clock: Clock) -> None:
    gate = Gate()

    async def late(request: Request) -> Response:
        session = own(request)
        session["b"] = "1"
        await gate.wait()
        await session.save()
        session["c"] = "1"
        return answer()

    browser = Browser(site(set_lifetime, late, store=store, expire_after=HOUR))
    await browser.get("/write", a="1")
    await slow(gate, browser, "/late", lambda: browser.get(f"/set_lifetime?idle={DAY}"))
    clock.go(DAY - 1)
    assert (await browser.get("/read")).json() == {"a": "1", "b": "1", "c": "1"}


async def test_what_begins_after_a_logout_in_the_same_request_has_the_usual_one(kind: Any) -> None:
    async def begin_anew(request: Request) -> Response:
        own(request).destroy()
        own(request)["a"] = "2"
        return answer()

    app = site(set_lifetime, begin_anew, store=kind, encryption_key=KEY, expire_after=HOUR)
    browser = Browser(app)
    await browser.get("/write", a="1")
    await browser.get("/set_lifetime", idle=str(DAY))
    assert max_age(await browser.get("/begin_anew")) == str(HOUR)


async def test_a_save_that_failed_is_made_up_for(clock: Clock) -> None:
    store = Watched()

    async def try_twice(request: Request) -> Response:
        session = own(request)
        session.set_lifetime(DAY)
        store.away = True
        with pytest.raises(StoreUnavailable):
            await session.save()
        store.away = False
        session["b"] = "1"
        return answer()

    browser = Browser(site(try_twice, store=store, expire_after=HOUR))
    await browser.get("/write", a="1")
    assert max_age(await browser.get("/try_twice")) == str(DAY)
    clock.go(DAY - 1)
    assert (await browser.get("/read")).json() == {"a": "1", "b": "1"}


async def test_a_save_that_was_refused_is_made_up_for(clock: Clock) -> None:
    async def too_much(request: Request) -> Response:
        session = own(request)
        session.set_lifetime(DAY)
        session["large"] = "x" * 2000
        with pytest.raises(SessionTooLarge):
            await session.save()
        del session["large"]
        return answer()

    browser = Browser(site(too_much, store=MemoryStore(max_bytes=1000), expire_after=HOUR))
    await browser.get("/write", a="1")
    assert max_age(await browser.get("/too_much")) == str(DAY)
    clock.go(DAY - 1)
    assert await alive(browser)


@pytest.mark.parametrize(("idle", "told"), [(str(DAY), str(DAY - 10)), ("", None)])
async def test_a_cookie_that_is_sealed_anew_tells_it(
    kind: Any, clock: Clock, idle: str, told: str | None
) -> None:
    """`kind` keeps what it has: the second app has the same store, and a newer key before the old one."""
    before = Browser(site(set_lifetime, store=kind, encryption_key=KEY, expire_after=HOUR))
    await before.get("/write", a="1")
    await before.get("/set_lifetime", idle=idle)
    newer = [OTHER_KEY, KEY]
    after = Browser(site(store=kind, encryption_key=newer, expire_after=HOUR, auto_extend_expiration=False))
    after.jar = before.jar
    clock.go(10)
    assert max_age(await after.get("/untouched")) == told


# -- not kept, or refused ----------------------------------------------------------------------------


async def test_a_failed_response_sets_none(kind: Any, clock: Clock) -> None:
    async def set_and_fail(request: Request) -> Response:
        own(request).set_lifetime(DAY)
        return answer(status_code=500)

    app = site(set_and_fail, store=kind, encryption_key=KEY, expire_after=HOUR)
    browser = Browser(app)
    await browser.get("/write", a="1")
    assert (await browser.get("/set_and_fail")).set_cookies == []
    clock.go(HOUR)
    assert not await alive(browser)


@pytest.mark.parametrize("idle", [0, -1, 401 * DAY, float("nan"), True, "60"])
async def test_what_is_no_duration_is_refused_and_changes_nothing(idle: Any, clock: Clock) -> None:
    async def wrong(request: Request) -> Response:
        with pytest.raises((ValueError, TypeError), match="expire_after"):
            own(request).set_lifetime(idle)
        return answer()

    browser = Browser(site(wrong, expire_after=HOUR))
    await browser.get("/write", a="1")
    assert (await browser.get("/wrong")).set_cookies == []


async def test_after_the_start_of_the_response_the_browser_could_not_be_told(store: Store) -> None:
    refused = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        session["a"] = "1"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with pytest.raises(LateChange):
            session.set_lifetime(DAY)
        refused.set()
        await send({"type": "http.response.body"})

    await Browser(SessionMiddleware(app, store)).get("/")
    assert refused.is_set()
