"""The demo from beginning to end, by hand, as hono-sessions' own browser tests go through theirs."""

from playwright.sync_api import Page, expect

from e2e.promises import core, promise


@core
@promise("FLASH-1", "SAVE-1", "COOKIE-4")
def test_a_person_logs_in_and_out(page: Page) -> None:
    page.goto("/login")
    for attempt in (1, 2):
        page.locator("#email").fill("ada@example.com")
        page.locator("#password").fill("wrong")
        page.locator("#login-button").click()
        expect(page.locator("#error")).to_have_text("Incorrect username or password")
        expect(page.locator("#failed-login-attempts")).to_have_text(f"Failed login attempts: {attempt}")
    page.reload()
    expect(page.locator("#failed-login-attempts")).to_be_visible()
    expect(page.locator("#error")).to_have_count(0)

    page.locator("#email").fill("ada@example.com")
    page.locator("#password").fill("correct")
    page.locator("#login-button").press("Enter")
    expect(page.locator("#message")).to_have_text("Login Successful")
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
    expect(page.locator("#failed-login-attempts")).to_have_count(0)
    page.reload()
    expect(page.locator("#logout-button")).to_be_visible()
    expect(page.locator("#message")).to_have_count(0)

    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    assert page.url.endswith("/login")
    assert page.context.cookies() == []
    page.go_back()
    page.reload()
    expect(page.locator("#login-button")).to_be_visible()


@promise("SAVE-1", "NEW-1")
def test_a_person_counts_visits_in_two_tabs(page: Page) -> None:
    page.goto("/")
    other_tab = page.context.new_page()
    other_tab.goto("/")
    expect(other_tab.get_by_role("heading", level=1)).to_have_text("You have visited this page 2 times")
    page.get_by_role("link", name="Visit again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have visited this page 3 times")
    assert other_tab.goto("/read")
    assert other_tab.evaluate("JSON.parse(document.body.innerText).counter") == 3
