"""BAD-1: whatever a browser sends as its cookie, it gets a page."""

from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.page import UNTOUCHED, email, get, jar, log_in, plant, put, send
from e2e.promises import core, promise
from e2e.server.server import Server
from sessions.iron import seal

RECORD = '{"_data":{"email":{"value":"mallory@example.com","flash":false}},"_expire":null,"_delete":false}'


def garbage(key: str) -> Mapping[str, str]:
    """Cookies that nobody was given, by what is wrong with them."""
    return {
        "empty": "",
        "a word": "hello",
        "an id that never was": "A" * 43,
        "an id too long": "A" * 44,
        "nearly as long as browsers allow": "A" * 4000,
        "url-encoded bytes": "%00%ff%0d%0aSet-Cookie:%20a=b",
        "json": "{'a':1}",
        "the seal's prefix": "Fe26.2*",
        "an empty seal": "Fe26.2*******",
        "a seal of other words": "Fe26.2**" + "*".join(["AAAA"] * 6),
        "an unknown version": seal(RECORD, key).replace("Fe26.2", "Fe26.3"),
        "pieces that are missing": "3~" + seal(RECORD, key),
        "more pieces than there can be": "99999~A",
        "a seal of another key": seal(RECORD, "k" * 40),
        "a seal that has expired": seal(RECORD, key, ttl=1, now=1_700_000_000),
        "a seal of something else": seal({"colour": "green"}, key),
        "a seal of a text": seal("hello", key),
    }


@promise("BAD-1")
def test_garbage_is_an_anonymous_request(page: Page, key: str) -> None:
    for wrong, value in garbage(key).items():
        plant(page, {"session": value, "sealed": value})
        for profile in ("", "/sealed"):
            answer = send(page, "GET", f"{profile}/whoami")
            assert (answer.status, answer.json["email"]) == (200, None), wrong


@promise("BAD-1")
def test_a_browser_with_garbage_can_log_in(page: Page, key: str) -> None:
    plant(page, {"session": seal(RECORD, key)[:-1], "session.1": "left over", "session.2": "left over"})
    log_in(page)
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
    assert email(page) == "ada@example.com"


@promise("BAD-1")
@pytest.mark.parametrize("profile", ["", "/sealed"], ids=["root", "sealed"])
def test_a_tampered_cookie_is_anonymous(page: Page, profile: str) -> None:
    put(page, "colour", "green", profile)
    ((name, value),) = jar(page).items()
    places = range(0, len(value), max(1, len(value) // 12))
    tampered = [value[:at] + ("B" if value[at] == "A" else "A") + value[at + 1 :] for at in places]
    truncated = [value[:-1], value[: len(value) // 2]]
    for wrong in tampered + truncated:
        plant(page, {name: wrong})
        assert get(page, "colour", profile) is None
    plant(page, {name: value})
    assert get(page, "colour", profile) == "green", "the untouched cookie still opens it"


@promise("SEC-2")
def test_of_two_cookies_the_one_that_opens_a_session_is_used(page: Page) -> None:
    log_in(page)
    plant(page, {"session": "A" * 43}, path="/whoami")
    assert email(page) == "ada@example.com"
    assert len(page.context.cookies()) == 1, "the other is still there"


@promise("SEC-2")
def test_two_cookies_of_two_sessions_are_anonymous_once(page: Page, new_page: Callable[[], Page]) -> None:
    other = new_page()
    log_in(other, "eve@example.com")
    log_in(page)
    plant(page, jar(other), path="/whoami")
    assert email(page) is None
    assert email(page) == "ada@example.com"


@core
@promise("BAD-1")
def test_one_log_line_tells_of_it_and_shows_no_secret(page: Page, server: Server) -> None:
    page.goto(UNTOUCHED)
    wrong = "Fe26.2*" + "Q" * 50
    plant(page, {"sealed": wrong})
    said_before = server.log.stat().st_size
    send(page, "GET", "/sealed/whoami")
    lines = server.said_since(said_before).splitlines()
    assert len(lines) == 1
    assert "Q" * 8 not in lines[0]
