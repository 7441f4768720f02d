"""OUT: after logout a session is over, for every copy of its cookie and every request still on its way."""

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.page import begin_all, email, finish_all, get, held, jar, log_in, plant, send
from e2e.browser.timeline import NewPage
from e2e.browser.websocket import open_chat, say
from e2e.promises import core, promise
from e2e.server.server import Server


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


@promise("OUT-3")
def test_to_clear_the_session_is_a_logout(page: Page) -> None:
    log_in(page)
    assert send(page, "POST", "/lab/clear").status == 200
    assert jar(page) == {}
    assert email(page) is None


@core
@promise("OUT-3")
def test_what_is_set_after_a_clear_begins_a_session_of_its_own(page: Page) -> None:
    log_in(page)
    old = jar(page)
    send(page, "POST", "/lab/clear?key=colour&value=green")
    assert jar(page).keys() == old.keys()
    assert jar(page) != old
    assert send(page, "GET", "/lab/all").json == {"colour": "green"}


@promise("OUT-3: old cookie")
def test_after_a_clear_the_old_cookie_is_anonymous(page: Page, new_page: NewPage) -> None:
    log_in(page)
    old = jar(page)
    send(page, "POST", "/lab/clear")
    thief = new_page()
    plant(thief, old)
    assert send(thief, "GET", "/lab/all").json == {}


FAILURES = pytest.mark.parametrize("query", ["", "?status=503"], ids=["raises", "answers-503"])


@core
@promise("OUT-4")
@FAILURES
def test_a_logout_holds_though_its_page_fails(page: Page, query: str) -> None:
    log_in(page)
    assert send(page, "POST", f"/lab/destroy-then-fail{query}").status == (503 if query else 500)
    assert email(page) is None
    page.goto("/login")
    expect(page.locator("#login-button")).to_be_visible()


@promise("OUT-4")
def test_a_person_whose_logout_ends_on_an_error_page_is_signed_out(page: Page) -> None:
    log_in(page)
    page.goto("/lab")
    form = page.locator("#destroy-then-fail-form")
    form.evaluate("form => { form.action += '?status=503'; }")
    form.get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("That failed")
    assert jar(page) == {}
    page.go_back()
    page.reload()
    expect(page.locator("#logout-button")).to_have_count(0)
    page.goto("/login")
    expect(page.locator("#login-button")).to_be_visible()


@promise("OUT-4: old cookie", "SAVE-7")
@FAILURES
def test_a_chat_that_is_open_at_such_a_logout_learns_of_it(page: Page, query: str) -> None:
    log_in(page)
    open_chat(page)
    assert say(page, {"refresh": True})["keys"]["email"] == "ada@example.com"
    send(page, "POST", f"/lab/destroy-then-fail{query}")
    assert say(page, {"refresh": True}) == {"error": "SessionEnded"}


@promise("OUT-4: old cookie")
@FAILURES
def test_after_a_logout_whose_page_failed_the_old_cookie_is_anonymous(page: Page, query: str) -> None:
    log_in(page)
    old = jar(page)
    send(page, "POST", f"/lab/destroy-then-fail{query}")
    plant(page, old)
    assert email(page) is None


@core
@promise("OUT-4: old cookie")
def test_a_logout_beside_a_rotation_ends_the_session_under_its_new_id_too(page: Page, server: Server) -> None:
    log_in(page)
    old = jar(page)
    slow_tab = page.context.new_page()
    with held(slow_tab, server, "POST", "/logout", "out-4-rotation"):
        send(page, "POST", "/lab/rotate")
        rotated = jar(page)
        assert rotated != old
    for cookie in (rotated, old):
        plant(page, cookie)
        assert email(page) is None
