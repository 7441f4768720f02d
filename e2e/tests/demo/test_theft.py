"""DEMO-4: the demo steals its visitor's cookies, and shows what the copy opens elsewhere."""

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.binding_events import BindingEvents
from e2e.browser.page import log_in, log_in_by_hand
from e2e.browser.timeline import NewPage, Steps, on_the_timeline
from e2e.promises import only, promise
from e2e.tests.device_binding.owner import ADA, BOUND, BRIEF, PROOF_IS_OVER, log_in_bound

where_it_is_bound = only(mode="bound", browser="chromium-full")
where_it_is_ordinary = only(server="uvicorn", mode="http", browser="chromium")
THIEF_IS_IN = f"The thief is signed in as {ADA}."


def steal(page: Page, profile: str) -> None:
    page.goto(f"{profile}/theft")
    page.get_by_role("button", name="Steal my cookies").click()


@promise("DEMO-4")
@where_it_is_bound
def test_it_says_whether_the_session_is_bound_and_since_when_the_proof_is_good(page: Page) -> None:
    events = BindingEvents(page)
    log_in_by_hand(page, ADA, "correct", at=BOUND)
    events.wait_for("creation")
    page.goto(f"{BOUND}/")
    expect(page.locator("#inspector-device")).to_contain_text("bound; its proof lasts")
    expect(page.locator("#inspector-device")).to_contain_text("of 10 min")
    expect(page.locator("#inspector-proved")).to_contain_text("It last proved itself")
    page.goto(f"{BOUND}/sessions")
    expect(page.locator("#session-list")).to_contain_text("bound to its device")


@promise("DEMO-4", "BIND-1")
@where_it_is_bound
def test_as_long_as_the_proof_is_good_the_copy_is_too_and_the_page_says_so(page: Page) -> None:
    log_in_bound(page)
    steal(page, BOUND)
    expect(page.locator("#thief")).to_have_text(THIEF_IS_IN)
    expect(page.locator("#theft-explained")).to_contain_text("good for 10 min after it was made")


@promise("DEMO-4", "BIND-1")
@where_it_is_bound
@on_the_timeline
def test_a_stolen_copy_opens_nothing_once_the_proof_is_over(new_page: NewPage) -> Steps:
    page = new_page()
    log_in_bound(page, at=BRIEF)
    steal(page, BRIEF)
    expect(page.locator("#stolen")).to_contain_text("brief-device")
    yield PROOF_IS_OVER
    page.get_by_role("button", name="Let the thief try again").click()
    expect(page.locator("#thief")).to_have_text("The thief is nobody: the copy opens nothing.")
    expect(page.locator("#owner")).to_have_text(ADA)
    expect(page.locator("#theft-explained")).to_contain_text("only your device can make a new one")


@promise("DEMO-4")
@where_it_is_ordinary
@pytest.mark.parametrize("profile", ["", "/sealed"], ids=["root", "sealed"])
def test_a_copy_of_an_ordinary_session_is_as_good_as_the_cookie(page: Page, profile: str) -> None:
    log_in(page, ADA, at=profile)
    steal(page, profile)
    expect(page.locator("#thief")).to_have_text(THIEF_IS_IN)
    expect(page.locator("#theft-explained")).to_contain_text("This session is not bound to a device.")


@promise("DEMO-4")
@where_it_is_ordinary
def test_without_a_login_there_is_nothing_to_steal(page: Page) -> None:
    page.goto("/theft")
    expect(page.get_by_role("button", name="Steal my cookies")).to_have_count(0)
    expect(page.locator("#theft")).to_contain_text("Sign in first")
