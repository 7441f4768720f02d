"""Behind nginx and Apache as they are installed: no session grows so large that it locks somebody out.

nginx answers 502 if a response's header is too large for it, and both answer 400 if a request's is. That
comes from no app, so it helps nobody: neither another page nor the logout gets through.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.page import email, get, jar, log_in, log_in_by_hand, plant, put, send
from e2e.browser.websocket import open_chat, say
from e2e.promises import only, promise
from e2e.server.proxied_server import PROXIES
from e2e.server.server import ROOT_PATH, Server
from e2e.tests.cookies.test_cookies import attributes

pytestmark = only(mode=list(PROXIES))

STEP = 97
"""Characters by which the session grows with each request; no size of a header is skipped by much."""

LARGEST = 10_000
"""Characters; more than any of the proxies takes."""


def grow(page: Page, size: int) -> int:
    return send(page, "POST", f"/lab/large?bytes={size}").status


def length(page: Page) -> int:
    return int(send(page, "GET", "/lab/large").json["length"])


def nearly_full(page: Page) -> int:
    """The size of the largest text that the session took."""
    for size in range(1000, LARGEST, STEP):
        status = grow(page, size)
        if status != 200:
            assert status == 500, "the app refuses it, and not the proxy"
            return size - STEP
    raise AssertionError("nothing was refused")


@promise("SEAL-4")
def test_a_session_grows_to_its_limit_and_every_page_and_the_logout_go_on(page: Page) -> None:
    log_in(page)
    before = nearly_full(page)
    assert before > 1500
    assert length(page) == before, "a session that was refused is as it was"
    assert email(page) == "ada@example.com"
    page.goto("/login")
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    assert jar(page) == {}


@promise("SEAL-4")
def test_past_the_limit_a_person_reads_what_is_wrong(page: Page) -> None:
    log_in(page)
    page.goto("/lab")
    page.get_by_label("Bytes").fill("20000")
    page.get_by_label("Bytes").press("Enter")
    expect(page.locator("body")).to_contain_text("bytes of cookies, and 3000 are allowed")
    page.goto("/login")
    expect(page.locator("#logout-button")).to_be_visible()


@promise("SEAL-4")
@pytest.mark.parametrize("pieces", [1, 2, 3, 15])
def test_left_over_pieces_are_removed_and_lock_nobody_out(page: Page, pieces: int) -> None:
    """They are short enough to come through; a release that allowed more has left them."""
    plant(page, {f"session.{number}": "x" * min(4000, 7000 // pieces) for number in range(1, pieces + 1)})
    assert send(page, "GET", "/lab/all").json == {}
    assert jar(page) == {}
    plant(page, {"session": "15~x"} | {f"session.{number}": "x" for number in range(1, pieces + 1)})
    log_in(page)
    nearly_full(page)
    assert email(page) == "ada@example.com"
    assert jar(page).keys() == {"session"}


@promise("SEC-2")
def test_second_cookies_are_removed_and_lock_nobody_out(page: Page) -> None:
    log_in(page)
    # All the places that they may have come from do not fit into one response.
    deep = "/lab/get" + "".join(f"/department-{number}" for number in range(20))
    for end in (len("/lab"), len("/lab/get"), deep.rindex("/")):
        plant(page, {"session": f"planted-{end}"}, deep[:end])
    assert len([cookie for cookie in page.context.cookies() if cookie.get("name") == "session"]) == 4
    for _ in range(40):
        answer = send(page, "GET", deep)
        assert answer.status in (200, 404)
        if len(page.context.cookies()) == 1:
            break
    assert len(page.context.cookies()) == 1
    assert email(page) == "ada@example.com"


@promise("COOKIE-2")
def test_the_cookie_is_secure_as_the_proxy_says_that_it_ended_tls(page: Page) -> None:
    (line,) = put(page, "colour", "green").set_cookies
    assert "secure" in attributes(line)
    assert get(page, "colour") == "green"


@promise("SAVE-4: saved late")
def test_a_websocket_has_the_session_and_saves_it(page: Page) -> None:
    put(page, "colour", "green")
    assert open_chat(page) == {"keys": {"colour": "green"}}
    assert say(page, {"set": ["colour", "blue"], "save": True}) == {"ok": True}
    assert get(page, "colour") == "blue"


@pytest.fixture(scope="module", params=[False, True], ids=["passed on", "stripped"])
def mounted(
    request: pytest.FixtureRequest,
    start_server: Callable[..., Server],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """The app under a prefix, which the proxy passes on or removes."""
    folder: Path = tmp_path_factory.mktemp("mounted")
    log = f"-mounted-{request.param}"
    with start_server(folder, log=log, root_path=True, strips=request.param) as running:
        yield running


@promise("COOKIE-2", "SAVE-1", "COOKIE-4")
def test_under_a_prefix_a_person_logs_in_and_out(page: Page, mounted: Server) -> None:
    home = f"{mounted.url}{ROOT_PATH}"
    page.goto(f"{home}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have visited this page 1 times")
    page.get_by_role("link", name="Visit again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have visited this page 2 times")
    log_in_by_hand(page, "ada@example.com", "correct", at=home)
    expect(page).to_have_url(f"{home}/login")
    expect(page.locator("#message")).to_have_text("Login Successful")
    (cookie,) = page.context.cookies()
    assert (cookie.get("path"), cookie.get("secure")) == ("/", True)
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    expect(page).to_have_url(f"{home}/login")
    assert jar(page) == {}
