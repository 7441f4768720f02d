"""OUT: after logout a session is over, for every copy of its cookie and every request still on its way."""

from playwright.sync_api import Page, expect

from e2e.browsing import begin_all, email, finish_all, get, jar, log_in, plant
from e2e.overlap import NewPage
from e2e.promises import core, promise
from e2e.server import Server


@promise("OUT-1")
def test_the_old_cookie_is_anonymous(page: Page, new_page: NewPage) -> None:
    log_in(page)
    old = jar(page)
    thief = new_page()
    plant(thief, old)
    assert email(thief) == "ada@example.com"
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    assert email(thief) is None


CHANGES = ("set/colour?value=slow", "append/list?value=slow", "flash?value=slow", "rotate")


@core
@promise("OUT-2")
def test_slower_requests_do_not_bring_it_back(page: Page, server: Server) -> None:
    log_in(page)
    old = jar(page)
    slow_tab = page.context.new_page()
    gates = [f"{'&' if '?' in change else '?'}gate=out-2" for change in CHANGES]
    begin_all(slow_tab, "POST", [f"/lab/{change}{gate}" for change, gate in zip(CHANGES, gates, strict=True)])
    server.wait_at_gate("out-2", len(CHANGES))
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()

    server.open_gate("out-2")
    finish_all(slow_tab)

    assert "session" not in jar(page), "a Set-Cookie brought the cookie back"
    plant(page, old)
    assert email(page) is None, "a write brought the record back"
    assert get(page, "colour") is None
