"""SEC-2: cookies that a page of evil.shop.test plants in a browser that visits app.shop.test.

The two are one site, and a page of the one may set cookies for both of them: `Domain=shop.test`.
"""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Cookie, Page, expect

from e2e.browser.page import UNTOUCHED, ask, email, jar, log_in, log_in_by_hand, put
from e2e.promises import only, promise
from e2e.server.server import Server

ADA, EVE = "ada@example.com", "eve@example.com"

# WebKit cannot be told where *.test is.
over_http = only(mode="http", browser=["chromium", "firefox"])
# The server has no part in what a browser refuses to keep.
over_https = only(mode="https", browser=["chromium", "firefox"], server="uvicorn")

PROFILES = pytest.mark.parametrize("profile", ["", "/sealed"], ids=["root", "sealed"])
PATHS = ("/", "{}/lab", "{}/lab/", "{}/lab/get", "{}/lab/get/email")
"""Of each of them, below a profile, the browser sends the cookie with `/lab/get/email`."""

Visitor = Callable[[], Page]


def at(host: str, server: Server) -> str:
    return re.sub(r"//[^:/]+", f"//{host}.shop.test", server.url)


@pytest.fixture
def visitor(new_page: Callable[[], Page], server: Server) -> Visitor:
    """A browser at app.shop.test."""

    def visitor() -> Page:
        page = new_page()
        page.goto(f"{at('app', server)}{UNTOUCHED}")
        return page

    return visitor


def sibling(page: Page, server: Server) -> Page:
    """A page of evil.shop.test, in another tab of the same browser."""
    evil = page.context.new_page()
    evil.goto(f"{at('evil', server)}{UNTOUCHED}")
    return evil


def toss(evil: Page, line: str, *, is_kept: bool = True) -> None:
    """The page sets this cookie, which the browser keeps or not."""
    before = len(kept(evil))
    evil.evaluate("line => { document.cookie = line; }", line)
    assert (len(kept(evil)) > before) == is_kept


def kept(page: Page) -> list[Cookie]:
    """The browser's cookies. Firefox lists those that are over until the second is over, too."""
    soon = time.time() + 1
    return [cookie for cookie in page.context.cookies() if not 0 <= cookie.get("expires", -1) <= soon]


def values(page: Page, name: str = "session") -> list[str]:
    """Of all the cookies with that name."""
    return [str(cookie.get("value")) for cookie in kept(page) if cookie.get("name") == name]


@promise("SEC-2")
@over_http
@PROFILES
def test_garbage_from_a_sibling_logs_nobody_out(visitor: Visitor, server: Server, profile: str) -> None:
    ada = visitor()
    log_in(ada, ADA, at=f"{at('app', server)}{profile}")
    (name,) = jar(ada)
    evil = sibling(ada, server)
    for path in PATHS:
        for garbage in ("garbage", "A" * 43, "2~x"):
            toss(evil, f"{name}={garbage}; Domain=shop.test; Path={path.format(profile)}")
            assert ask(ada, f"{profile}/lab/get/email") == {"value": ADA}
            assert len(values(ada, name)) == 1, "it is still there"


@promise("SEC-2")
@over_http
@PROFILES
def test_a_siblings_session_is_shown_to_nobody_and_gone_at_the_second_request(
    visitor: Visitor, server: Server, profile: str
) -> None:
    ada, eve = visitor(), visitor()
    for page, name in ((ada, ADA), (eve, EVE)):
        log_in(page, name, at=f"{at('app', server)}{profile}")
    ((name, value),) = jar(eve).items()
    evil = sibling(ada, server)
    for path in PATHS:
        toss(evil, f"{name}={value}; Domain=shop.test; Path={path.format(profile)}")
        assert ask(ada, f"{profile}/lab/get/email") == {"value": None}
        assert ask(ada, f"{profile}/lab/get/email") == {"value": ADA}
        assert len(values(ada, name)) == 1
    assert ask(eve, f"{profile}/lab/get/email") == {"value": EVE}


@promise("SEC-2")
@over_http
def test_what_is_set_beside_a_siblings_session_does_not_go_there(visitor: Visitor, server: Server) -> None:
    ada, eve = visitor(), visitor()
    for page, name in ((ada, ADA), (eve, EVE)):
        log_in(page, name, at=at("app", server))
    toss(sibling(ada, server), f"session={jar(eve)['session']}; Domain=shop.test; Path=/lab")
    put(ada, "card", "1234")
    assert ask(eve, "/lab/get/card") == {"value": None}
    assert EVE not in str(ask(ada, "/lab/all"))


@promise("SEC-2")
@over_http
def test_a_login_beside_garbage_from_a_sibling_works_in_one_go(visitor: Visitor, server: Server) -> None:
    ada = visitor()
    evil = sibling(ada, server)
    for path in ("/", "/login"):
        toss(evil, f"session=garbage; Domain=shop.test; Path={path}")
    log_in_by_hand(ada, ADA, "correct", at=at("app", server))
    expect(ada.locator("#logout-button")).to_have_text(f"Log out {ADA}")
    assert len(values(ada)) == 1
    assert email(ada) == ADA


@promise("SEC-2")
@over_http
def test_a_login_over_a_siblings_session_leaves_that_one(visitor: Visitor, server: Server) -> None:
    """As long as its cookie is the only one of the name, nothing says who has set it."""
    ada, eve = visitor(), visitor()
    log_in(eve, EVE, at=at("app", server))
    put(eve, "bait", "of-eve")
    toss(sibling(ada, server), f"session={jar(eve)['session']}; Domain=shop.test; Path=/")
    log_in(ada, ADA, at=at("app", server))
    assert email(ada) == ADA
    assert len(values(ada)) == 1
    assert ask(ada, "/lab/get/bait") == {"value": None}
    put(ada, "card", "1234")
    assert email(eve) != ADA
    assert ask(eve, "/lab/get/card") == {"value": None}


@promise("SEC-2")
@over_https
def test_over_https_a_tossed_cookie_is_gone_at_the_second_request_too(
    visitor: Visitor, server: Server
) -> None:
    ada, eve = visitor(), visitor()
    for page, name in ((ada, ADA), (eve, EVE)):
        log_in(page, name, at=at("app", server))
    evil = sibling(ada, server)
    for attributes in ("Path=/", "Path=/whoami; Secure"):
        toss(evil, f"session={jar(eve)['session']}; Domain=shop.test; {attributes}")
        assert email(ada) is None
        assert email(ada) == ADA
        assert len(values(ada)) == 1


@promise("SEC-2")
@over_https
def test_with_the_host_prefix_nothing_can_be_tossed(visitor: Visitor, server: Server) -> None:
    ada, eve = visitor(), visitor()
    for page, name in ((ada, ADA), (eve, EVE)):
        log_in(page, name, at=f"{at('app', server)}/host")
    cookie = f"__Host-session={jar(eve)['__Host-session']}"
    evil = sibling(ada, server)
    for attributes in ("Domain=shop.test; Path=/; Secure", "Path=/host; Secure", "Path=/"):
        toss(evil, f"{cookie}; {attributes}", is_kept=False)
    toss(evil, f"{cookie}; Path=/; Secure")  # which is for evil.shop.test alone
    said = server.log.stat().st_size
    assert ask(ada, "/host/whoami")["email"] == ADA
    assert "several values" not in server.said_since(said)
