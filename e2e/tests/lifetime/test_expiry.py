"""EXP: when a session ends by itself. The profiles end after two or three seconds; all tests wait at once."""

from e2e.browser.page import ask, get, jar, plant, put, send
from e2e.browser.timeline import SURELY, NewPage, Steps, on_the_timeline
from e2e.browser.websocket import open_chat, say
from e2e.promises import core, promise
from e2e.tests.cookies.test_cookies import attributes

IDLE = 2.0
"""Seconds without a request after which /short and /fixed end."""
LATE = 0.7
"""The part of `IDLE` after which an extension would hold for longer than a test waits."""
DATE = 1.0
"""Seconds by which a cookie without Max-Age may end late: `Expires` is in whole seconds, and so is the `Date`
that a browser compares it with."""
ABSOLUTE = 3.0
"""Seconds after its birth at which a session of /absolute ends."""


@core
@promise("EXP-1")
@on_the_timeline
def test_an_idle_session_is_gone_whatever_is_replayed(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/short")
    cookie = jar(page)
    yield IDLE + SURELY
    plant(page, cookie)
    assert jar(page) == cookie
    assert get(page, "colour", "/short") is None


@promise("EXP-1")
@on_the_timeline
def test_a_sealed_cookie_does_not_outlive_its_session(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/short")
    cookie = jar(page)
    yield IDLE + SURELY
    plant(page, cookie)
    put(page, "shape", "round", "/short")
    assert send(page, "GET", "/short/lab/all").json == {"shape": "round"}


@promise("COOKIE-3")
@on_the_timeline
def test_browser_and_server_forget_together(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/short")
    yield IDLE / 2
    assert jar(page)
    yield IDLE / 2 + DATE + SURELY
    assert jar(page) == {}


@core
@promise("EXP-2")
@on_the_timeline
def test_activity_extends_it(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/short")
    for _ in range(2):
        yield IDLE * 0.55
        assert get(page, "colour", "/short") == "green"
    assert jar(page), "the browser has to learn of the later end too"


@promise("EXP-3")
@on_the_timeline
def test_without_extension_reads_do_not_extend_it(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/fixed")
    cookie = jar(page)
    yield IDLE * LATE
    assert get(page, "colour", "/fixed") == "green"
    yield IDLE * (1 - LATE) + SURELY
    plant(page, cookie)
    assert get(page, "colour", "/fixed") is None


@promise("EXP-3")
@on_the_timeline
def test_without_extension_writes_do_not_extend_it(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/fixed")
    yield IDLE * LATE
    put(page, "colour", "blue", "/fixed")
    cookie = jar(page)
    yield IDLE * (1 - LATE) + SURELY
    plant(page, cookie)
    assert get(page, "colour", "/fixed") is None


@promise("EXP-3")
@on_the_timeline
def test_without_extension_touch_extends_it(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/fixed")
    yield IDLE * 0.55
    assert send(page, "POST", "/fixed/lab/touch").set_cookies, "the browser has to learn of the later end too"
    yield IDLE * 0.55
    assert get(page, "colour", "/fixed") == "green"


@promise("EXP-4")
@on_the_timeline
def test_an_active_session_ends_at_its_absolute_timeout(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/absolute")
    for _ in range(2):
        yield ABSOLUTE * 0.3
        put(page, "shape", "round", "/absolute")
        assert get(page, "colour", "/absolute") == "green"
    cookie = jar(page)
    yield ABSOLUTE * 0.4 + SURELY
    plant(page, cookie)
    assert get(page, "colour", "/absolute") is None


@promise("EXP-4")
@on_the_timeline
def test_touch_and_rotate_do_not_move_the_absolute_timeout(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/absolute")
    yield ABSOLUTE * 0.6
    send(page, "POST", "/absolute/lab/touch")
    send(page, "POST", "/absolute/lab/rotate")
    cookie = jar(page)
    assert get(page, "colour", "/absolute") == "green"
    yield ABSOLUTE * 0.4 + SURELY
    plant(page, cookie)
    assert get(page, "colour", "/absolute") is None


@promise("EXP-4")
@on_the_timeline
def test_a_login_begins_the_absolute_timeout_anew(new_page: NewPage) -> Steps:
    page = new_page()
    (born,) = put(page, "colour", "green", "/absolute").set_cookies
    assert ask(page, "/absolute/whoami")["signed_in_for"] is None
    yield ABSOLUTE * 0.7
    answer = send(page, "POST", "/absolute/login", {"email": "ada@example.com", "password": "correct"})
    (line,) = answer.set_cookies
    lasts = int(attributes(line)["max-age"])
    assert lasts == int(attributes(born)["max-age"])
    yield ABSOLUTE * 0.4
    facts = ask(page, "/absolute/whoami")
    assert facts["email"] == "ada@example.com"
    assert lasts * 0.4 <= facts["signed_in_for"] < lasts
    assert get(page, "colour", "/absolute") == "green", "what an anonymous visitor has collected stays"


@promise("SAVE-7")
@on_the_timeline
def test_a_chat_that_touches_its_session_keeps_it(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/short")
    cookie = jar(page)
    open_chat(page, "/short")
    for _ in range(3):
        yield IDLE * 0.55
        assert say(page, {"touch": True, "save": True}) == {"ok": True}
    # No response has told the browser of the later end, so that it has let the cookie go by itself.
    plant(page, cookie)
    assert get(page, "colour", "/short") == "green"


@promise("SAVE-7")
@on_the_timeline
def test_a_chat_that_does_not_touch_its_session_learns_that_it_has_expired(new_page: NewPage) -> Steps:
    page = new_page()
    put(page, "colour", "green", "/short")
    open_chat(page, "/short")
    yield IDLE + SURELY
    assert say(page, {"refresh": True}) == {"error": "SessionEnded"}
