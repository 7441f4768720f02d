"""ROT: a new id at login, and nothing of value left to the old one."""

from playwright.sync_api import Page, expect

from e2e.browsing import begin, email, finish, get, jar, log_in, plant, put, send
from e2e.overlap import NewPage
from e2e.promises import core, promise
from e2e.server import Server


@promise("ROT-1")
def test_rotation_gives_a_new_id_and_keeps_the_data(page: Page) -> None:
    put(page, "colour", "green")
    old = jar(page)
    send(page, "POST", "/lab/rotate")
    assert jar(page).keys() == old.keys()
    assert jar(page) != old
    assert get(page, "colour") == "green"


@promise("ROT-1")
def test_the_old_id_is_anonymous(page: Page, new_page: NewPage) -> None:
    put(page, "colour", "green")
    old = jar(page)
    send(page, "POST", "/lab/rotate")
    holder_of_the_old_id = new_page()
    plant(holder_of_the_old_id, old)
    assert get(holder_of_the_old_id, "colour") is None


@core
@promise("ROT-2")
def test_a_slow_request_from_before_the_login_does_not_log_out(page: Page, server: Server) -> None:
    put(page, "colour", "green")
    old = jar(page)
    slow_tab = page.context.new_page()
    begin(slow_tab, "POST", "/lab/set/colour?value=slow&gate=rot-2-before-login")
    server.wait_at_gate("rot-2-before-login")
    log_in(page)
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
    logged_in = jar(page)

    server.open_gate("rot-2-before-login")
    finish(slow_tab)

    assert jar(page) == logged_in
    page.reload()
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
    plant(page, old)
    assert email(page) is None, "the old id came back to life"


@promise("ROT-2")
def test_a_request_that_arrives_with_the_old_id_sets_no_cookie(page: Page, new_page: NewPage) -> None:
    put(page, "colour", "green")
    old = jar(page)
    log_in(page)
    late = new_page()
    plant(late, old)
    assert put(late, "colour", "late").set_cookies == []
    assert email(late) is None
    assert (email(page), get(page, "colour")) == ("ada@example.com", "green")


@promise("ROT-3")
def test_an_id_that_an_attacker_planted_is_worth_nothing_after_login(page: Page, new_page: NewPage) -> None:
    attacker = new_page()
    put(attacker, "colour", "green")
    known_id = jar(attacker)
    plant(page, known_id)
    log_in(page)
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
    assert jar(page) != known_id
    assert email(attacker) is None
    assert get(attacker, "colour") is None


@core
@promise("ROT-4")
def test_an_older_cookie_still_opens_its_session(page: Page, new_page: NewPage) -> None:
    log_in(page)
    old = jar(page)
    send(page, "POST", "/lab/rotate")
    assert email(page) == "ada@example.com"
    holder_of_the_old_cookie = new_page()
    plant(holder_of_the_old_cookie, old)
    assert email(holder_of_the_old_cookie) == "ada@example.com"
