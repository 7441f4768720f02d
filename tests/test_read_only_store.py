"""BAD-4: a store that can be read and not written, such as a replica, or a database on a full disk."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from moving.old_apps import SECRET, VALUES, owner
from moving.test_adopting import OLD, living, old_cookie
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, OTHER_KEY, Browser, Clock, Watched, answer, own, site

from sessions import CookieStore, SessionMiddleware, Store, StoreUnavailable
from sessions.moving import StarletteCookie

pytestmark = [pytest.mark.anyio, pytest.mark.promise("BAD-4")]

IDLE = 100
"""Seconds. An extension is due after six of them: the interval of five, and one as slack."""


class ReadOnly(Watched):
    """Refuses writes while it is asked to."""

    refusing = False

    async def _on(self, name: str) -> None:
        await super()._on(name)
        if self.refusing and name != "load":
            raise StoreUnavailable("the disk is full")


@pytest.fixture
def replica(store: Store) -> ReadOnly:
    return ReadOnly(store)


async def visitor(replica: ReadOnly, clock: Clock, *handlers: Any, **options: Any) -> Browser:
    """A browser whose session needs an extension, which the store does not take."""
    browser = Browser(site(*handlers, store=replica, expire_after=IDLE, **options))
    await browser.get("/write", user="ada")
    await browser.get("/flash", message="hello")
    clock.go(50)
    replica.refusing = True
    return browser


@pytest.mark.parametrize("url", ["/untouched", "/read", "/keys"])
async def test_a_page_that_only_reads_is_served_and_tells_no_other_end(
    replica: ReadOnly, clock: Clock, url: str
) -> None:
    browser = await visitor(replica, clock)
    for _ in range(2):
        response = await browser.get(url)
        assert (response.status, response.error, response.set_cookies) == (200, None, [])
    assert (await browser.get("/read")).json() == {"user": "ada", "message": "hello"}


async def test_the_extension_is_tried_again_at_each_request(replica: ReadOnly, clock: Clock) -> None:
    browser = await visitor(replica, clock)
    assert (await browser.get("/read")).set_cookies == []
    clock.go(40)
    replica.refusing = False
    assert "Max-Age=105" in (await browser.get("/read")).set_cookies[0]
    clock.go(100)
    assert (await browser.get("/read")).json() == {"user": "ada", "message": "hello"}


@pytest.mark.parametrize(
    "url", ["/write?a=1", "/increment", "/rotate", "/destroy", "/touch", "/message", "/flash?a=1"]
)
async def test_what_the_handler_changes_gets_503_and_loses_nothing(
    replica: ReadOnly, clock: Clock, url: str
) -> None:
    """A flash value that was read counts as a change: a person would see it twice."""
    browser = await visitor(replica, clock)
    response = await browser.get(url)
    assert (response.status, response.error, response.set_cookies) == (503, None, [])
    replica.refusing = False
    assert (await browser.get("/read")).json() == {"user": "ada", "message": "hello"}
    assert (await browser.get("/message")).json() == "hello"


async def test_a_stream_goes_on_after_it(replica: ReadOnly, clock: Clock) -> None:
    """Nothing is left behind that would count as a late change."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        if scope["path"] == "/write":
            session["user"] = "ada"
        else:
            assert session["user"] == "ada"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        replica.refusing = False
        if scope["path"] == "/late":
            session["late"] = "1"
            await session.save()
        await send({"type": "http.response.body", "body": str(dict(session)).encode()})

    browser = Browser(SessionMiddleware(app, replica, expire_after=IDLE))
    await browser.get("/write")
    clock.go(50)
    for path in ("/read", "/late", "/read"):
        replica.refusing = True
        response = await browser.get(path)
        assert (response.status, response.error) == (200, None)
    assert response.text == "{'user': 'ada', 'late': '1'}"


@pytest.mark.parametrize("verb", ["replace", "load"])
async def test_others_have_written_meanwhile(replica: ReadOnly, clock: Clock, verb: str) -> None:
    """And then the store does not answer: the browser is told no end but the one that it knows."""

    async def beside(request: Request) -> Response:
        assert own(request)["user"] == "ada"
        replica.refusing = False
        await other.get("/read")
        other_calls = replica.calls[verb]

        async def go_away(name: str) -> None:
            replica.away = name == verb and replica.calls[verb] > other_calls

        replica.before = go_away
        return answer()

    browser = await visitor(replica, clock, beside)
    other = browser.copy()
    response = await browser.get("/beside")
    assert (response.status, response.error, response.set_cookies) == (200, None, [])


async def test_others_have_moved_the_end_and_it_is_due_again(replica: ReadOnly, clock: Clock) -> None:
    async def shorten(request: Request) -> Response:
        own(request).set_lifetime(60)
        return answer()

    async def beside(request: Request) -> Response:
        assert own(request)["user"] == "ada"
        replica.refusing = False
        await other.get("/shorten")
        replaced = replica.calls["replace"]

        async def take_long(name: str) -> None:
            if name == "load":
                clock.go(10)
            replica.refusing = name == "replace" and replica.calls["replace"] > replaced + 1

        replica.before = take_long
        return answer()

    browser = await visitor(replica, clock, shorten, beside)
    other = browser.copy()
    response = await browser.get("/beside")
    assert (response.status, response.error, response.set_cookies) == (200, None, [])
    assert replica.refusing


async def test_a_save_that_has_nothing_to_save(replica: ReadOnly, clock: Clock) -> None:
    async def save(request: Request) -> Response:
        await own(request).save()
        return answer(own(request)["user"])

    browser = await visitor(replica, clock, save)
    assert (await browser.get("/save")).json() == "ada"


async def test_a_page_of_an_error_keeps_its_status(replica: ReadOnly, clock: Clock) -> None:
    async def broken(request: Request) -> Response:
        own(request)["a"] = "1"
        return answer("sorry", status_code=500)

    browser = await visitor(replica, clock, broken)
    assert (await browser.get("/broken")).status == 500


async def test_the_log_says_so_once_in_a_while_and_shows_no_secret(
    replica: ReadOnly, clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await visitor(replica, clock)
    with caplog.at_level(logging.WARNING, "sessions"):
        for _ in range(5):
            await browser.get("/read")
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert line.getMessage() == (
        "the store could not extend a session, which a later request tries again: the disk is full"
    )
    monkeypatch.setattr("sessions._commit.PAUSE_BETWEEN_WARNINGS", 0.0)
    await browser.get("/read")
    assert len(caplog.records) == 2


async def test_a_seal_of_an_older_key_is_replaced_all_the_same(replica: ReadOnly, clock: Clock) -> None:
    browser = await visitor(replica, clock, encryption_key=OTHER_KEY)
    browser.app = site(store=replica, expire_after=IDLE, encryption_key=[KEY, OTHER_KEY])
    (line,) = (await browser.get("/read")).set_cookies
    assert "Max-Age=50" in line
    browser.app = site(store=replica, expire_after=IDLE, encryption_key=KEY)
    assert (await browser.get("/read")).json() == {"user": "ada", "message": "hello"}


# -- a session of another library ----------------------------------------------------------------------


def moving(replica: ReadOnly, *handlers: Any) -> Browser:
    adopt = [StarletteCookie(SECRET, OLD, owner=owner)]
    browser = Browser(site(*handlers, store=replica, adopt=adopt))
    browser.plant(old_cookie(), OLD)
    return browser


@pytest.mark.promise("MOVE-1")
@pytest.mark.parametrize("url", ["/untouched", "/read"])
async def test_it_moves_in_later(replica: ReadOnly, url: str, caplog: pytest.LogCaptureFixture) -> None:
    browser = moving(replica)
    replica.refusing = True
    for _ in range(2):
        response = await browser.get(url)
        assert (response.status, response.error, response.set_cookies) == (200, None, [])
    assert (await browser.get("/read")).json() == VALUES
    assert "could not take in a session of another library" in caplog.text
    replica.refusing = False
    assert await living(replica.store) == 0
    assert (await browser.get("/read")).json() == VALUES
    assert await living(replica.store) == 1
    assert (browser.cookie(OLD), bool(browser.cookie())) == (None, True)


@pytest.mark.promise("MOVE-1")
@pytest.mark.parametrize("lost", [1, 2])
async def test_it_moves_in_though_a_part_was_done(store: Store, lost: int) -> None:
    """The store goes away before the record is written, or between that and what leads to it."""
    replica = ReadOnly(store)
    browser = moving(replica)

    async def after(name: str) -> None:
        replica.refusing = replica.calls.get("create", 0) > lost - 1 and name == "create"

    replica.before = after
    assert (await browser.get("/read")).json() == VALUES
    replica.before, replica.refusing = None, False
    assert (await browser.get("/read")).json() == VALUES
    assert browser.cookie(OLD) is None
    assert (await browser.get("/increment")).json() == 1
    assert (await browser.get("/read")).json() == {**VALUES, "n": 1}


@pytest.mark.promise("MOVE-1")
@pytest.mark.parametrize("url", ["/write?a=1", "/destroy", "/rotate", "/touch", "/by_hand"])
async def test_a_change_of_it_gets_503(replica: ReadOnly, url: str) -> None:
    async def by_hand(request: Request) -> Response:
        await own(request).save()
        return answer()

    browser = moving(replica, by_hand)
    replica.refusing = True
    response = await browser.get(url)
    assert (response.status, response.error, response.set_cookies) == (503, None, [])
    replica.refusing = False
    assert (await browser.get("/read")).json() == VALUES


# -- a limit that was lowered --------------------------------------------------------------------------


async def grow(request: Request) -> Response:
    own(request)["large"] = "x" * 2_000
    return answer()


@pytest.mark.promise("SAVE-8")
@pytest.mark.parametrize("shared_with", [None, "hono-sessions"])
async def test_a_cookie_from_before_the_limit_is_served_and_not_extended(
    shared_with: Any, clock: Clock
) -> None:
    def with_limit(max_bytes: int) -> Callable[..., Any]:
        store = CookieStore(max_bytes=max_bytes, shared_with=shared_with)
        return site(grow, store=store, encryption_key=KEY, expire_after=IDLE)

    browser = Browser(with_limit(6_000))
    await browser.get("/grow")
    browser.app = with_limit(1_000)
    clock.go(50)
    response = await browser.get("/read")
    assert (response.status, response.error, response.set_cookies) == (200, None, [])
    assert response.json() == {"large": "x" * 2_000}
