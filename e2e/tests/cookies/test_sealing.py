"""SEAL: the session in the cookie."""

from playwright.sync_api import Page

from e2e.browser.page import get, jar, put, send
from e2e.promises import promise

BROWSER_LIMIT = 4096
"""Bytes of a cookie's name and value together that browsers keep."""


SPLIT = "/split"
"""Where the cookie store allows more than one cookie."""


def make_large(page: Page, size: int) -> int:
    return send(page, "POST", f"{SPLIT}/lab/large?bytes={size}").status


def length(page: Page) -> int:
    return int(send(page, "GET", f"{SPLIT}/lab/large").json["length"])


@promise("SEAL-4")
def test_a_large_session_is_split_and_joined(page: Page) -> None:
    put(page, "colour", "green", SPLIT)
    assert make_large(page, 6000) == 200
    assert len(jar(page)) > 1
    assert all(len(name) + len(value) <= BROWSER_LIMIT for name, value in jar(page).items())
    assert length(page) == 6000
    assert get(page, "colour", SPLIT) == "green"


@promise("SEAL-4")
def test_a_session_that_shrinks_leaves_no_pieces_in_the_jar(page: Page) -> None:
    make_large(page, 6000)
    assert len(jar(page)) > 1
    make_large(page, 100)
    assert list(jar(page)) == ["split"]
    assert length(page) == 100


@promise("SEAL-4", "COOKIE-4")
def test_a_large_session_that_is_destroyed_leaves_no_pieces_in_the_jar(page: Page) -> None:
    make_large(page, 6000)
    send(page, "POST", f"{SPLIT}/lab/destroy")
    assert jar(page) == {}
    assert length(page) == 0


@promise("SEAL-4")
def test_past_the_limit_the_request_fails_and_the_session_before_it_stays(page: Page) -> None:
    put(page, "colour", "green")
    before = jar(page)
    failed = send(page, "POST", "/lab/large?bytes=50000")
    assert failed.status == 500
    assert failed.set_cookies == []
    assert jar(page) == before
    assert send(page, "GET", "/lab/all").json == {"colour": "green"}
