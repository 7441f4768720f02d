"""EXP: when a session ends. The clock is the test's, but for the last tests."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from support import KEY, Browser, Clock, Watched, answer, attributes, key_of, own, site

from sessions import CookieStore, MemoryStore, Store
from sessions.__main__ import main
from sessions._lifetime import RETENTION, RETENTION_INTERVAL, Lifetime
from sessions.iron import seal
from sessions.stores.sqlite import SQLiteStore

KINDS: dict[str, Any] = {"id": MemoryStore, "content": CookieStore}
DAY = 24 * 60 * 60


async def expiry(request: Request) -> Response:
    moment = own(request).expires_at
    return answer(moment and str(moment))


async def alive(browser: Browser) -> bool:
    return bool((await browser.get("/keys")).json())


# -- EXP-1 -------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("EXP-1")
class TestIdle:
    @pytest.mark.asvs("7.3.1", "7.4.1")
    async def test_without_a_request_it_is_gone_on_the_server(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(store=store, expire_after=100))
        await browser.get("/write", a="1")
        cookie = browser.cookie()
        clock.go(99.99)
        assert await store.load(key_of(cookie or ""))
        clock.go(0.01)
        assert await store.load(key_of(cookie or "")) is None
        thief = Browser(browser.app)
        assert await thief.replayed(cookie) == {}
        assert (await thief.get("/write", b="1")).status == 200
        assert (await thief.get("/read")).json() == {"b": "1"}
        assert thief.cookie() != cookie

    async def test_whatever_the_kind_of_cookie(self, clock: Clock) -> None:
        for kind in KINDS.values():
            browser = Browser(site(store=kind(), encryption_key=KEY, expire_after=100))
            await browser.get("/write", a="1")
            cookie = browser.cookie()
            clock.go(100)
            assert await Browser(browser.app).replayed(cookie) == {}

    async def test_a_request_that_began_in_time_may_end_late_but_revives_nothing(
        self, store: Store, clock: Clock
    ) -> None:
        async def slow(request: Request) -> Response:
            assert own(request)["a"] == "1"
            clock.go(20)
            request.session["late"] = "1"
            return answer()

        browser = Browser(site(slow, store=store, expire_after=100, auto_extend_expiration=False))
        await browser.get("/write", a="1")
        thief = browser.copy()
        clock.go(90)
        response = await browser.get("/slow")
        assert response.status == 200
        assert response.set_cookies == []
        assert (await thief.get("/read")).json() == {}


# -- EXP-2 -------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("EXP-2")
class TestExtension:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("url", ["/untouched", "/read", "/write?a=2", "/no-such-page"])
    async def test_activity_extends(self, kind: str, url: str, clock: Clock) -> None:
        browser = Browser(site(store=KINDS[kind](), encryption_key=KEY, expire_after=100))
        await browser.get("/write", a="1")
        for _ in range(10):
            clock.go(60)
            await browser.get(url)
        assert await alive(browser)

    async def test_read_only_traffic_writes_once_per_refresh_interval(self, clock: Clock) -> None:
        store = Watched()
        browser = Browser(site(store=store, expire_after=3600))  # an interval of a minute
        await browser.get("/write", a="1")
        clock.go(2)
        before, began = store.writes, clock.now
        for _ in range(600):
            await browser.get("/read")
            clock.go(1)
        assert store.writes - before == (clock.now - began) // 60
        assert await alive(browser)

    async def test_the_interval_can_be_chosen(self, clock: Clock) -> None:
        store = Watched()
        browser = Browser(site(store=store, expire_after=3600, refresh_interval=300))
        await browser.get("/write", a="1")
        clock.go(2)
        before = store.writes
        for _ in range(600):
            await browser.get("/read")
            clock.go(1)
        assert store.writes - before == 2

    async def test_a_short_timeout_is_extended_by_each_request(self, clock: Clock) -> None:
        store = Watched()
        browser = Browser(site(store=store, expire_after=2))
        await browser.get("/write", a="1")
        for number in range(1, 11):
            clock.go(1)
            await browser.get("/read")
            assert store.writes == 1 + number
        clock.go(1.95)
        assert await alive(browser)
        clock.go(2)
        assert not await alive(browser)

    @pytest.mark.parametrize("refresh_interval", [0, None, 30, 99])
    @pytest.mark.parametrize("kind", KINDS)
    async def test_it_never_ends_before_its_time(
        self, kind: str, refresh_interval: float | None, clock: Clock
    ) -> None:
        app = site(
            store=KINDS[kind](), encryption_key=KEY, expire_after=100, refresh_interval=refresh_interval
        )
        browser = Browser(app)
        await browser.get("/write", a="1")
        for pause in (0.5, 3, 50, 98.99, 1, 7, 98.99, 29, 31, 98.99):
            clock.go(pause)
            assert await alive(browser), pause


waits = st.floats(0, 260) | st.floats(95, 110)


@pytest.mark.promise("EXP-1", "EXP-2")
@given(st.lists(waits, max_size=30), st.sampled_from([None, 0, 1, 20, 99]), st.floats(0, 1e9))
def test_alive_as_long_as_promised_and_not_much_longer(
    pauses: list[float], interval: float | None, start: float
) -> None:
    """The arithmetic, over random times of requests.

    It ends at most the slack (a second) before `expire_after` is over, and at most a refresh interval later.
    """
    lifetime = Lifetime.of(100, None, True, interval)
    now = start
    expires_at = lifetime.first(now)
    assert expires_at == start + 100
    for pause in pauses:
        now += pause
        if pause <= 100 - lifetime.slack - 1e-6:
            assert expires_at > now
        if pause >= 100 + lifetime.refresh_interval + 1e-6:
            assert expires_at <= now
        if expires_at <= now:
            return
        after = lifetime.after_activity(start, expires_at, now)
        assert after >= expires_at
        expires_at = after


@pytest.mark.promise("EXP-2", "EXP-4")
@given(
    st.lists(st.floats(0, 70), max_size=60),
    st.floats(1, 2000),
    st.one_of(st.none(), st.floats(1, 2000)),
    st.floats(0, 1e9),
)
def test_no_expiry_is_ever_past_the_absolute_timeout(
    pauses: list[float], absolute: float, idle: float | None, start: float
) -> None:
    lifetime = Lifetime.of(idle, absolute, True, None)
    now, expires_at = start, lifetime.first(start)
    for pause in pauses:
        now += pause
        assert expires_at <= start + absolute
        renewed = lifetime.renewed(start, expires_at, now)
        assert expires_at <= renewed <= start + absolute
        expires_at = lifetime.after_activity(start, expires_at, now)


@pytest.mark.promise("EXP-2")
@given(st.floats(0.001, 400 * DAY))
def test_by_default_an_interval_is_a_twentieth_and_at_most_a_minute(idle: float) -> None:
    interval = Lifetime.of(idle, None, True, None).refresh_interval
    assert 0 <= interval <= min(60, idle / 20)
    assert interval == int(interval)


# -- EXP-3 -------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("EXP-3")
@pytest.mark.parametrize("kind", KINDS)
class TestWithoutExtension:
    @pytest.mark.parametrize(
        "url", ["/untouched", "/read", "/write?a=2", "/increment", "/flash?b=1", "/rotate"]
    )
    async def test_neither_reads_nor_writes_extend(self, kind: str, url: str, clock: Clock) -> None:
        app = site(store=KINDS[kind](), encryption_key=KEY, expire_after=100, auto_extend_expiration=False)
        browser = Browser(app)
        await browser.get("/write", a="1")
        for pause in (50, 49):
            clock.go(pause)
            await browser.get(url)
            cookie = browser.cookie()
        clock.go(1)
        assert browser.cookie() is None
        assert await Browser(app).replayed(cookie) == {}

    async def test_touching_does(self, kind: str, clock: Clock) -> None:
        app = site(store=KINDS[kind](), encryption_key=KEY, expire_after=100, auto_extend_expiration=False)
        browser = Browser(app)
        await browser.get("/write", a="1")
        for _ in range(5):
            clock.go(60)
            assert len((await browser.get("/touch")).set_cookies) == 1
        clock.go(99.9)
        assert await alive(browser)
        clock.go(0.1)
        assert not await alive(browser)


# -- EXP-4 -------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("EXP-4")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("expire_after", [None, 100, 5000])
class TestAbsolute:
    @pytest.mark.parametrize("url", ["/untouched", "/write?a=2", "/touch", "/rotate"])
    @pytest.mark.asvs("7.3.2")
    async def test_it_ends_however_active(
        self, kind: str, expire_after: float | None, url: str, clock: Clock
    ) -> None:
        app = site(store=KINDS[kind](), encryption_key=KEY, expire_after=expire_after, absolute_timeout=1000)
        browser = Browser(app)
        await browser.get("/write", a="1")
        cookie = None
        for _ in range(19):
            clock.go(50)
            await browser.get(url)
            assert await alive(browser)
            cookie = browser.cookie()
        clock.go(50)
        assert browser.cookie() is None
        assert await Browser(app).replayed(cookie) == {}

    async def test_shortening_it_ends_older_sessions(
        self, kind: str, expire_after: float | None, clock: Clock
    ) -> None:
        store = KINDS[kind]()
        before = Browser(site(store=store, encryption_key=KEY, expire_after=expire_after))
        await before.get("/write", a="1")
        clock.go(90)
        app = site(store=store, encryption_key=KEY, expire_after=expire_after, absolute_timeout=91)
        assert await Browser(app).replayed(before.cookie()) == {"a": "1"}
        clock.go(1)
        assert await Browser(app).replayed(before.cookie()) == {}

    async def test_an_older_session_says_how_little_is_left_to_it(
        self, kind: str, expire_after: float | None, clock: Clock
    ) -> None:
        async def end(request: Request) -> Response:
            expires_at = own(request).expires_at
            return answer(expires_at and expires_at.timestamp())

        store = KINDS[kind]()
        before = Browser(site(store=store, encryption_key=KEY, expire_after=expire_after))
        await before.get("/write", a="1")
        birth = clock.now
        clock.go(50)
        after = Browser(
            site(end, store=store, encryption_key=KEY, expire_after=expire_after, absolute_timeout=91)
        )
        after.plant(before.cookie() or "")
        assert (await after.get("/end")).json() == pytest.approx(birth + 91, abs=0.001)


# -- without timeouts --------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("EXP-5")
async def test_a_browser_session_leaves_the_store_two_weeks_after_its_last_request(
    store: Store, clock: Clock
) -> None:
    browser = Browser(site(store=store))
    await browser.get("/write", a="1")
    for _ in range(5):
        clock.go(RETENTION - 2)
        assert await alive(browser)
    clock.go(RETENTION + DAY + 1)
    assert await store.purge() == 1
    assert not await alive(browser)


@pytest.mark.anyio
@pytest.mark.promise("EXP-6")
@pytest.mark.parametrize("kind", KINDS)
class TestRetention:
    async def test_without_a_timeout_it_ends_two_weeks_after_its_last_request(
        self, kind: str, clock: Clock
    ) -> None:
        browser = Browser(site(store=KINDS[kind](), encryption_key=KEY))
        await browser.get("/write", a="1")
        for _ in range(3):
            clock.go(RETENTION - 2)
            assert await alive(browser)
        clock.go(RETENTION + RETENTION_INTERVAL + 1)
        assert not await alive(browser)

    async def test_a_copy_is_not_good_for_ever(self, kind: str, clock: Clock) -> None:
        browser = Browser(site(store=KINDS[kind](), encryption_key=KEY))
        await browser.get("/write", a="1")
        clock.go(20 * 365 * DAY)
        assert not await alive(browser)

    async def test_the_browser_keeps_the_cookie_until_it_closes(self, kind: str, clock: Clock) -> None:
        browser = Browser(site(expiry, store=KINDS[kind](), encryption_key=KEY))
        replies = [await browser.get("/write", a="1")]
        clock.go(2 * RETENTION_INTERVAL)
        replies.append(await browser.get("/write", b="2"))
        for reply in replies:
            assert all("max-age" not in attributes(line) for line in reply.set_cookies)
        assert (await browser.get("/expiry")).json() is None

    async def test_without_auto_extend_too(self, kind: str, clock: Clock) -> None:
        browser = Browser(site(store=KINDS[kind](), encryption_key=KEY, auto_extend_expiration=False))
        await browser.get("/write", a="1")
        for _ in range(3):
            clock.go(RETENTION - 2)
            assert await alive(browser)


@pytest.mark.anyio
@pytest.mark.promise("EXP-6")
async def test_a_shared_session_without_expire_ends_two_weeks_after_it_was_accessed(clock: Clock) -> None:
    store = CookieStore(shared_with="hono-sessions")
    accessed = datetime.fromtimestamp(clock.now, UTC).isoformat()
    record = {"_data": {"a": {"value": 1, "flash": False}}, "_expire": None, "_accessed": accessed}
    browser = Browser(site(store=store, encryption_key=KEY))
    browser.plant(seal(json.dumps(record), KEY))
    clock.go(RETENTION - 1)
    assert await alive(browser.copy())
    clock.go(1)
    assert not await alive(browser)


# -- EXP-5 -------------------------------------------------------------------------------------------


@pytest.mark.promise("EXP-5")
class TestPurge:
    def test_it_runs_with_the_app(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        monkeypatch.setattr("sessions._purge.PURGE_INTERVAL", 0.01)
        store = MemoryStore()
        with TestClient(site(store=store, expire_after=100)) as client:
            for number in range(10):
                client.cookies.clear()
                client.get("/write", params={"a": str(number)})
            assert len(store) == 10
            clock.go(100)

            # Nothing but time passes; the purge is the only one who could remove them.
            deadline = time.monotonic() + 10
            while len(store) and time.monotonic() < deadline:
                time.sleep(0.005)
            assert len(store) == 0

    def test_the_store_is_closed_with_the_app(self) -> None:
        closed = []

        class Closing(MemoryStore):
            async def close(self) -> None:
                closed.append(True)

        with TestClient(site(store=Closing())) as client:
            client.get("/write", params={"a": "1"})
            assert closed == []
        assert closed == [True]

    @pytest.mark.anyio
    async def test_it_runs_also_where_the_server_has_no_lifespan(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, clock: Clock
    ) -> None:
        watched = Watched(store)
        app = site(store=watched, expire_after=100)
        browser = Browser(app)
        await browser.get("/write", a="1")
        clock.go(100)
        await browser.get("/untouched")
        assert watched.calls.get("purge", 0) == 0  # not with each request

        monkeypatch.setattr("sessions._purge.PURGE_INTERVAL", 0.0)
        await Browser(site(store=watched, expire_after=100)).get("/untouched")
        assert watched.calls["purge"] == 1
        assert await store.purge() == 0

    @pytest.mark.anyio
    async def test_a_purge_that_fails_fails_no_request(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("sessions._purge.PURGE_INTERVAL", 0.0)
        store = Watched()
        browser = Browser(site(store=store))
        store.away = True
        response = await browser.get("/untouched")
        assert (response.status, response.error) == (200, None)
        assert "could not purge" in caplog.text

    def test_and_from_the_command_line(
        self, tmp_path: Any, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "sessions.db"

        async def fill() -> None:
            store = SQLiteStore(path)
            for number in range(3):
                await Browser(site(store=store, expire_after=100 + number)).get("/write", a="1")
            await store.close()

        anyio.run(fill)
        for passed, removed in (
            (99, "0 expired sessions"),
            (1, "1 expired session"),
            (5, "2 expired sessions"),
        ):
            clock.go(passed)
            assert main(["purge", f"sqlite:///{path}"]) == 0
            assert f"{removed} removed" in capsys.readouterr().out


@pytest.mark.anyio
@pytest.mark.promise("EXP-1")
async def test_by_the_real_clock_too(store: Store) -> None:
    browser = Browser(site(store=store, expire_after=0.3, auto_extend_expiration=False))
    await browser.get("/write", a="1")
    thief = browser.copy()
    assert (await thief.get("/read")).json() == {"a": "1"}
    await anyio.sleep(0.35)
    assert (await thief.get("/read")).json() == {}
