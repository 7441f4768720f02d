"""What a press on Back shows: a page out of the back-forward cache is as it was, the session as it is."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.page import UNTOUCHED, email, log_in, send
from e2e.promises import only, promise

# The headless shell has no such cache. Firefox has, but with it Playwright's navigations wait for ever.
pytestmark = only(browser="chromium-full")

TELL = """addEventListener("pageshow", event => {
    document.documentElement.dataset.left = "no";
    window.restored = event.persisted;
})"""
LEAVE = """() => {
    document.documentElement.dataset.left = "yes";
    setTimeout(() => history.back());
}"""
MESSAGE = "Saved."


@pytest.fixture(autouse=True)
def pages_that_tell(page: Page) -> None:
    """Each page notes whether it came out of the cache."""
    page.add_init_script(TELL)


@dataclass(frozen=True)
class Shown:
    """A page after Back: whether it came out of the cache, so that the server was not asked; if not, why."""

    restored: bool
    why: str


def back(page: Page) -> Shown:
    # Not go_back(), which waits for a response; and later, when this call is over.
    page.evaluate(LEAVE)
    expect(page.locator("html")).to_have_attribute("data-left", "no")
    why = "JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)"
    restored, reasons = page.evaluate(f"[window.restored, {why}]")
    return Shown(restored, reasons)


def follow(page: Page, link: str) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=link, exact=True).click()
    expect(page.get_by_role("link", name=link, exact=True)).to_have_attribute("aria-current", "page")
    page.wait_for_load_state()  # what is left half loaded is not kept


def log_in_by_the_link(page: Page) -> None:
    """As a person does it. What Chromium keeps depends on how it got there."""
    follow(page, "Sign in")
    page.locator("#email").fill("ada@example.com")
    page.locator("#password").fill("correct")
    page.locator("#login-button").click()
    expect(page.locator("#logout-button")).to_be_visible()


def visits(page: Page, number: int) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(f"You have visited this page {number} times")


@promise("FLASH-1", "FLASH-2")
def test_a_message_that_comes_back_with_its_page_has_consumed_nothing_more(page: Page) -> None:
    log_in(page, password="wrong")
    expect(page.locator("#error")).to_have_text("Incorrect username or password")
    follow(page, "Counter")
    assert send(page, "POST", f"/lab/flash?value={MESSAGE}").status == 200
    assert back(page).restored
    expect(page.locator("#error")).to_have_text("Incorrect username or password")
    assert send(page, "GET", "/lab/flash").value == MESSAGE
    page.reload()
    expect(page.locator("#login-button")).to_be_visible()
    expect(page.locator("#error")).to_have_count(0)


@promise("ROT-1", "SAVE-1")
def test_a_page_from_before_the_login_acts_in_the_session_after_it(page: Page) -> None:
    page.goto("/")
    log_in_by_the_link(page)
    back(page)
    assert back(page).restored
    visits(page, 1)
    page.get_by_role("link", name="Visit again").click()
    visits(page, 2)
    assert email(page) == "ada@example.com"


@promise("OUT-1", "COOKIE-4")
def test_after_the_logout_nobody_goes_back_to_a_signed_in_page(page: Page) -> None:
    page.goto("/")
    follow(page, "Sign in")
    assert back(page).restored, "this browser keeps pages"
    log_in_by_the_link(page)
    follow(page, "Sessions")
    follow(page, "Lab")
    follow(page, "Sign in")
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    for address in ("/login", "/lab", "/sessions", "/login"):
        assert not back(page).restored, f"{address} was not asked for again"
        expect(page).to_have_url(address)
        expect(page.locator("body")).not_to_contain_text("ada@example.com")
        expect(page.locator("#inspector-id")).to_have_text("none: anonymous")


@promise("OUT-1", "COOKIE-4")
def test_after_the_sessions_end_a_page_that_comes_back_acts_anonymously(page: Page) -> None:
    page.goto(UNTOUCHED)  # says nothing about caches
    log_in(page)
    expect(page.locator("#logout-button")).to_be_visible()
    follow(page, "Sessions")
    expect(page.locator("main")).to_contain_text("ada@example.com")
    follow(page, "Lab")
    # Unlike the logout, this tells the browser nothing about the pages that it keeps.
    assert send(page, "POST", "/lab/destroy").status == 200
    assert not back(page).restored, "a signed-in page was not asked for again"
    expect(page.locator("main")).not_to_contain_text("ada@example.com")
    back(page)
    assert back(page).restored
    expect(page).to_have_url(UNTOUCHED)
    assert email(page) is None
