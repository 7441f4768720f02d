"""OUT: after logout a session is over, for every copy of its cookie and every request still on its way."""

import pytest
from playwright.sync_api import Page, expect
from pytest_playwright import CreateContextCallback as NewContext

from e2e.browsing import begin, email, finish, get, jar, log_in, plant
from e2e.promises import promise
from e2e.server import Server


@promise("OUT-1")
def test_the_old_cookie_is_anonymous(page: Page, new_context: NewContext) -> None:
    log_in(page)
    old = jar(page)
    thief = new_context().new_page()
    plant(thief, old)
    assert email(thief) == "ada@example.com"
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    assert email(thief) is None


@promise("OUT-2")
@pytest.mark.parametrize("change", ["set/colour", "increment/count", "append/list", "rotate", "touch", "flash"])
def test_a_slower_request_does_not_bring_it_back(page: Page, server: Server, change: str) -> None:
    log_in(page)
    old = jar(page)
    gate = f"out-2-{change.replace('/', '-')}"
    slow_tab = page.context.new_page()
    begin(slow_tab, "POST", f"/lab/{change}?value=slow&gate={gate}")
    server.wait_at_gate(gate)
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()

    server.open_gate(gate)
    finish(slow_tab)

    assert "session" not in jar(page), "its Set-Cookie brought the cookie back"
    plant(page, old)
    assert email(page) is None, "its write brought the record back"
    assert get(page, "colour") is None
