"""The app under /shop: links, redirects and forms stay there, and the cookie is for the whole host."""

from playwright.sync_api import Page, expect

from e2e.browser.page import get, jar, log_in_by_hand, put, send, set_cookies
from e2e.promises import only, promise
from e2e.server.server import ROOT_PATH, Server
from e2e.tests.cookies.test_cookies import attributes

pytestmark = only(mode="root-path")


@promise("SAVE-1", "FLASH-1", "COOKIE-4")
def test_a_person_logs_in_and_out_under_the_prefix(page: Page, server: Server) -> None:
    home = f"{server.url}{ROOT_PATH}"
    log_in_by_hand(page, "ada@example.com", "wrong", at=ROOT_PATH)
    expect(page).to_have_url(f"{home}/login")
    expect(page.locator("#error")).to_have_text("Incorrect username or password")
    log_in_by_hand(page, "ada@example.com", "correct", at=ROOT_PATH)
    expect(page).to_have_url(f"{home}/login")
    expect(page.locator("#message")).to_have_text("Login Successful")
    expect(page.locator("#error")).to_have_count(0)
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    expect(page).to_have_url(f"{home}/login")
    assert jar(page) == {}


@promise("COOKIE-2", "NEW-1")
def test_the_cookie_is_for_the_whole_host(page: Page) -> None:
    response = page.goto(f"{ROOT_PATH}/")
    assert response
    (line,) = set_cookies(response)
    assert attributes(line)["path"] == "/"
    page.get_by_role("link", name="Visit again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have visited this page 2 times")
    assert get(page, "counter", ROOT_PATH) == 2


@promise("OBJ-6")
def test_the_profiles_are_reached_below_it(page: Page) -> None:
    page.goto(f"{ROOT_PATH}/lab/untouched")
    put(page, "colour", "green", f"{ROOT_PATH}/sealed")
    put(page, "colour", "blue", ROOT_PATH)
    assert get(page, "colour", f"{ROOT_PATH}/sealed") == "green"
    assert send(page, "GET", f"{ROOT_PATH}/lab/all").json == {"colour": "blue"}
    assert jar(page).keys() == {"session", "sealed"}
