"""NEW: a session comes into being by writing, with an id of the server's own choice."""

from playwright.sync_api import Page, expect

from e2e.browser.page import get, jar, plant, put, set_cookies
from e2e.browser.timeline import NewPage
from e2e.promises import promise

READS = (
    "/lab/untouched",
    "/lab",
    "/lab/all",
    "/lab/get/anything",
    "/lab/flash",
    "/login",
    "/whoami",
    "/no-such-page",
)


@promise("NEW-1")
def test_reading_sets_no_cookie(page: Page) -> None:
    for path in READS:
        response = page.goto(path)
        assert response
        assert set_cookies(response) == [], path
    assert jar(page) == {}


@promise("NEW-1")
def test_the_first_write_sets_one_cookie(page: Page) -> None:
    response = page.goto("/")
    assert response
    assert [line.partition("=")[0] for line in set_cookies(response)] == ["session"]
    expect(page.get_by_role("heading", level=1)).to_have_text("You have visited this page 1 times")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have visited this page 2 times")


@promise("NEW-2")
def test_an_unknown_id_is_never_adopted(page: Page) -> None:
    chosen_by_somebody_else = "A" * 43
    plant(page, {"session": chosen_by_somebody_else})
    assert get(page, "colour") is None
    put(page, "colour", "green")
    assert get(page, "colour") == "green"
    assert jar(page)["session"] != chosen_by_somebody_else


@promise("NEW-2")
def test_every_browser_gets_another_id(page: Page, new_page: NewPage) -> None:
    other = new_page()
    put(page, "colour", "green")
    put(other, "colour", "blue")
    assert jar(page)["session"] != jar(other)["session"]
    assert (get(page, "colour"), get(other, "colour")) == ("green", "blue")
