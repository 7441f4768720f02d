"""OWN: a user's sessions, listed and ended on the demo's page "Your sessions"."""

import secrets

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.browser.page import PATIENCE, begin, email, finish, send
from e2e.browser.timeline import NewPage
from e2e.promises import core, promise
from e2e.server.server import Server


@pytest.fixture
def ada() -> str:
    """Nobody else's: cells may share a database, and whoever has the e-mail owns the session."""
    return f"ada-{secrets.token_hex(8)}@example.com"


def sign_in(page: Page, name: str) -> Page:
    assert send(page, "POST", "/login", {"email": name, "password": "correct"}).status == 303
    return page


def places(page: Page) -> Locator:
    """The list of sessions."""
    page.goto("/sessions")
    return page.locator("#session-list li")


def sign_out_the_other(page: Page) -> None:
    page.goto("/sessions")
    page.locator("#session-list li:not([data-this])").get_by_role("button").click()
    expect(page.locator("#message")).to_have_text("That session is signed out.")


@core
@promise("OWN-1", "OWN-2")
def test_a_user_sees_and_ends_another_browsers_session(page: Page, new_page: NewPage, ada: str) -> None:
    other, somebody_else = (new_page() for _ in range(2))
    for tab in (page, other):
        sign_in(tab, ada)
    sign_in(somebody_else, f"not-{ada}")
    expect(places(page)).to_have_count(2)
    expect(places(page).filter(has_text="this one")).to_have_count(1)
    sign_out_the_other(page)
    expect(places(page)).to_have_count(1)
    assert email(other) is None
    assert email(page) == ada
    assert email(somebody_else) == f"not-{ada}"


@promise("OWN-1")
def test_signing_out_everywhere_else_leaves_only_this_browser(
    page: Page, new_page: NewPage, ada: str
) -> None:
    others = [new_page() for _ in range(2)]
    for tab in (page, *others):
        sign_in(tab, ada)
    expect(places(page)).to_have_count(3)
    page.locator("#sign-out-others").click()
    expect(page.locator("#message")).to_have_text("You are signed out everywhere else.")
    expect(page.locator("#session-list li")).to_have_count(1)
    assert [email(tab) for tab in others] == [None, None]
    assert email(page) == ada


@promise("OWN-1")
def test_a_logout_and_a_rotation_leave_no_old_session_in_the_list(
    page: Page, new_page: NewPage, ada: str
) -> None:
    other = sign_in(new_page(), ada)
    sign_in(page, ada)
    send(page, "POST", "/lab/rotate")
    expect(places(page)).to_have_count(2)
    assert send(other, "POST", "/logout").status == 303
    expect(places(page)).to_have_count(1)


@promise("OWN-2")
def test_a_session_that_is_ended_while_it_rotates_does_not_come_back(
    page: Page, new_page: NewPage, server: Server, ada: str
) -> None:
    other = sign_in(new_page(), ada)
    sign_in(page, ada)
    begin(other, "POST", "/lab/rotate?gate=own-2")
    server.wait_at_gate("own-2")
    sign_out_the_other(page)
    server.open_gate("own-2")
    finish(other)
    assert email(other) is None
    expect(places(page)).to_have_count(1)


ROTATE = """patience => {
    const signal = AbortSignal.timeout(patience);
    const rotate = () => fetch("/lab/rotate", {method: "POST", signal});
    window.enough = false;
    window.begun = rotate().then(() => {});
    window.rotating = window.begun.then(async () => { while (!window.enough) await rotate(); });
}"""
"""Rotate the session without a pause until it is enough."""


@promise("OWN-2")
def test_sessions_that_rotate_all_the_time_are_ended_all(page: Page, new_page: NewPage, ada: str) -> None:
    """Several times, as it takes a rotation at the right moment to escape."""
    others = [new_page() for _ in range(3)]
    sign_in(page, ada)
    for _ in range(5):
        for tab in others:
            sign_in(tab, ada)
            tab.evaluate(ROTATE, PATIENCE)
        for tab in others:
            tab.evaluate("window.begun")
        assert send(page, "POST", "/sessions/end-others").status == 200
        for tab in others:
            tab.evaluate("window.enough = true; window.rotating")
        assert [email(tab) for tab in others] == [None, None, None]
    expect(places(page)).to_have_count(1)
    assert email(page) == ada


@promise("OWN-2")
def test_nobody_ends_a_session_of_somebody_elses(page: Page, new_page: NewPage, ada: str) -> None:
    victim = sign_in(new_page(), f"not-{ada}")
    key = places(victim).get_attribute("data-key")
    sign_in(page, ada)
    assert send(page, "POST", "/sessions/end", {"key": str(key)}).status == 404
    assert email(victim) == f"not-{ada}"
