"""DEMO-2: the demo says why a person sees what they see, where they see it."""

import re

from playwright.sync_api import Page, expect

from e2e.browser.page import jar, log_in_by_hand, put, send
from e2e.browser.timeline import NewPage, Steps, on_the_timeline
from e2e.matrix.matrix import Cell
from e2e.promises import only, promise

pytestmark = only(server=["uvicorn", "hypercorn"], browser=["chromium", "firefox"], mode="http")

NARROW = {"width": 360, "height": 640}
"""Pixels of a small phone."""
PAGES = ("/", "/login", "/lab", "/lab/twenty")


def log_in_and(page: Page, *boxes: str) -> None:
    page.goto("/login")
    for box in boxes:
        page.get_by_role("checkbox", name=box).check()
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill("correct")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.locator("#message")).to_have_text("Login Successful")


def is_kept(page: Page) -> bool:
    """Whether the browser keeps the session's cookie when it closes."""
    (cookie,) = page.context.cookies()
    return cookie.get("expires", -1) != -1


@promise("DEMO-2")
@on_the_timeline
def test_it_says_why_there_is_more_time_left_than_the_timeout(new_page: NewPage) -> Steps:
    page = new_page()
    page.goto("/")
    expect(page.locator("#inspector-idle")).to_contain_text("of 30 min")
    expect(page.locator("#inspector-over")).to_have_count(0)
    yield 1.2
    page.goto("/")
    expect(page.locator("#inspector-idle")).to_contain_text(re.compile(r"30 min \d+ s of 30 min"))
    expect(page.locator("#inspector-idle")).to_contain_text("paid for until the next one")


@promise("DEMO-2")
def test_it_shows_the_id_before_and_after_a_login(page: Page, cell: Cell) -> None:
    put(page, "colour", "green")
    before = jar(page)["session"]
    log_in_by_hand(page, "ada@example.com", "correct")
    expect(page.locator("#message")).to_have_text("Login Successful")
    after = jar(page)["session"]
    if cell.store == "cookie":
        expect(page.locator("#ids-explained")).to_contain_text("There is no id that a login could change")
        expect(page.locator("#id-before")).to_have_count(0)
        return
    expect(page.locator("#id-before")).to_have_text(f"{before[:6]}…")
    expect(page.locator("#id-after")).to_have_text(f"{after[:6]}…")
    assert before not in page.content()
    assert after not in page.content()
    page.reload()
    expect(page.locator("#id-before")).to_have_count(0)
    expect(page.locator("#ids-explained")).to_contain_text("the one from before is worth nothing")


@promise("DEMO-2")
def test_it_says_what_the_redirect_has_set(page: Page) -> None:
    log_in_by_hand(page, "ada@example.com", "wrong")
    expect(page.locator("#flash-explained")).to_contain_text("The redirect before this page set error")
    log_in_by_hand(page, "ada@example.com", "correct")
    expect(page.locator("#flash-explained")).to_contain_text("message as flash values")
    expect(page.locator("#flash-explained")).to_contain_text("and the cookie")
    page.reload()
    expect(page.locator("#logout-button")).to_be_visible()
    expect(page.locator("#flash-explained")).to_have_count(0)


@promise("DEMO-2", "EXP-7")
def test_the_box_remember_me_and_what_the_session_lives_by(page: Page) -> None:
    log_in_and(page, "Remember me")
    assert is_kept(page)
    lives_by = "its own timeouts: 30 d without a request, 365 d in all"
    expect(page.locator("#lives-by")).to_contain_text(lives_by)
    page.goto("/")
    expect(page.locator("#inspector-lives-by")).to_have_text(lives_by)
    expect(page.locator("#inspector-idle")).to_contain_text("of 30 d")


@promise("DEMO-2", "EXP-7")
def test_the_box_public_computer_goes_before_remember_me(page: Page) -> None:
    log_in_and(page, "Public computer", "Remember me")
    assert not is_kept(page)
    page.goto("/")
    expect(page.locator("#inspector-lives-by")).to_have_text("its own rule: it ends with the browser")
    expect(page.locator("#inspector-idle")).to_have_text("no limit")


@promise("DEMO-2")
def test_without_a_box_it_lives_by_the_apps_timeouts(page: Page) -> None:
    log_in_and(page)
    assert is_kept(page)
    expect(page.locator("#lives-by")).to_contain_text(
        "the app's timeouts: 30 min without a request, 12 h in all"
    )


@promise("DEMO-2")
def test_each_page_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": NARROW["width"], "height": NARROW["height"]})
    assert send(page, "POST", "/lab/set/colour?value=green").status == 200
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path
