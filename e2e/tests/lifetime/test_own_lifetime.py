"""EXP-7: one session has timeouts of its own: "remember me", or an end with the browser."""

import time
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page

from e2e.browser.page import email, get, jar, log_in, plant, put, send
from e2e.browser.timeline import SURELY, NewPage, Steps, on_the_timeline
from e2e.promises import core, promise

DAY = 24 * 60 * 60
REMEMBERED = 30 * DAY
IDLE = 2.0
"""Seconds without a request after which /short ends."""
MINUTE = 60
ROUNDING = 0.5
"""Seconds: Firefox says to the nearest second when a cookie ends."""


def live(page: Page, profile: str = "", **timeouts: int) -> None:
    """Give the session these timeouts, `expire_after` and `absolute_timeout`, in seconds."""
    form = {name: str(seconds) for name, seconds in timeouts.items()}
    assert send(page, "POST", f"{profile}/lab/lifetime", form).status == 200


def seconds_in_the_jar(page: Page) -> float | None:
    """For how long the browser keeps the session's cookie; None until it closes."""
    (cookie,) = page.context.cookies()
    expires = cookie.get("expires", -1)
    return None if expires == -1 else expires - time.time()


def is_remembered(page: Page) -> bool:
    """A minute is what an extension may pay for in advance."""
    left = seconds_in_the_jar(page)
    return left is not None and REMEMBERED - MINUTE < left <= REMEMBERED + MINUTE + ROUNDING


def reopened(page: Page, new_context: Callable[..., BrowserContext]) -> Page:
    """The browser after it was closed and started again: it has kept the cookies that say for how long."""
    kept = page.context.storage_state()
    kept["cookies"] = [cookie for cookie in kept.get("cookies", []) if cookie.get("expires", -1) != -1]
    return new_context(storage_state=kept).new_page()


@core
@promise("EXP-7")
def test_a_remembered_login_outlives_the_browser(
    page: Page, new_context: Callable[..., BrowserContext]
) -> None:
    log_in(page)
    live(page, expire_after=REMEMBERED, absolute_timeout=365 * DAY)
    assert is_remembered(page)
    later = reopened(page, new_context)
    assert email(later) == "ada@example.com"


@promise("EXP-7")
def test_a_login_on_a_public_computer_ends_with_the_browser(
    page: Page, new_context: Callable[..., BrowserContext]
) -> None:
    log_in(page)
    assert seconds_in_the_jar(page) is not None, "as usual the browser keeps it"
    live(page)
    assert seconds_in_the_jar(page) is None
    assert email(page) == "ada@example.com"
    later = reopened(page, new_context)
    assert email(later) is None


@promise("EXP-7")
def test_it_stays_through_a_new_id_a_login_and_a_write(page: Page) -> None:
    put(page, "colour", "green")
    live(page, expire_after=REMEMBERED)
    for step in (
        lambda: send(page, "POST", "/lab/rotate"),
        lambda: log_in(page),
        lambda: put(page, "colour", "blue"),
    ):
        step()
        assert is_remembered(page)
    assert get(page, "colour") == "blue"


@promise("EXP-7")
def test_an_end_with_the_browser_stays_through_a_new_id_and_a_login(page: Page) -> None:
    put(page, "colour", "green")
    live(page)
    for step in (lambda: send(page, "POST", "/lab/rotate"), lambda: log_in(page)):
        step()
        assert seconds_in_the_jar(page) is None
    assert get(page, "colour") == "green"


@promise("EXP-7")
def test_somebody_else_who_logs_in_does_not_inherit_it(page: Page) -> None:
    log_in(page)
    live(page, expire_after=REMEMBERED)
    log_in(page, "eve@example.com")
    left = seconds_in_the_jar(page)
    assert left is not None
    assert left < DAY


@promise("EXP-7")
@on_the_timeline
def test_a_longer_one_outlives_the_usual_timeout(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/short")
    live(page, "/short", expire_after=REMEMBERED)
    yield IDLE + SURELY
    assert get(page, "colour", "/short") == "green"


@promise("EXP-7")
@on_the_timeline
def test_a_shorter_one_ends_sooner_whatever_is_replayed(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green")
    live(page, expire_after=2)
    cookie = jar(page)
    yield IDLE + SURELY
    assert jar(page) == {}
    plant(page, cookie)
    assert get(page, "colour") is None
