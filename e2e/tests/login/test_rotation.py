"""ROT: a new id at login, and nothing of value left to the old one."""

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.page import UNTOUCHED, email, get, held, jar, log_in, plant, put, send
from e2e.browser.timeline import NewPage
from e2e.promises import core, promise
from e2e.server.server import Server


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
    with held(slow_tab, server, "POST", "/lab/set/colour?value=slow", "rot-2-before-login"):
        log_in(page)
        expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
        logged_in = jar(page)

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


@core
@promise("ROT-5")
def test_what_goes_into_the_basket_beside_a_login_is_there_after_it(page: Page, server: Server) -> None:
    add_to_basket(page, "bread")
    slow_tab = page.context.new_page()
    with held(slow_tab, server, "POST", "/lab/update/basket?value=wine", "rot-5-basket") as slow:
        log_in(page)
        logged_in = jar(page)
    assert slow.answer.status == 200
    assert slow.answer.set_cookies == []
    assert jar(page) == logged_in
    assert email(page) == "ada@example.com"
    assert get(page, "basket") == ["bread", "wine"]


@promise("ROT-5")
def test_a_request_beside_a_login_sees_nothing_of_the_new_session(page: Page, server: Server) -> None:
    add_to_basket(page, "bread")
    slow_tab = page.context.new_page()
    with held(slow_tab, server, "POST", "/lab/save/colour?value=green", "rot-5-blind") as slow:
        log_in(page)
        put(page, "colour", "blue")
        add_to_basket(page, "wine")
    assert slow.answer.json["values"] == {"basket": ["bread"], "colour": "green"}
    assert slow.answer.set_cookies == []
    # It has the last word on a key that the login did not write, though others have written it since.
    assert (get(page, "colour"), get(page, "basket")) == ("green", ["bread", "wine"])


@promise("ROT-5")
def test_what_the_login_itself_has_written_stays(page: Page, server: Server) -> None:
    put(page, "colour", "green")
    slow_tab = page.context.new_page()
    with held(slow_tab, server, "POST", "/lab/set/email?value=mallory@example.com", "rot-5-email"):
        log_in(page)
    assert email(page) == "ada@example.com"


def add_to_basket(page: Page, item: str) -> None:
    assert send(page, "POST", f"/lab/update/basket?value={item}").status == 200


def fill_in(page: Page, form: str) -> None:
    page.goto(form)
    page.locator("#email").fill("ada@example.com")
    page.locator("#password").fill("correct")


def where_to_click(page: Page) -> tuple[float, float]:
    """The middle of "Log in". For the mouse, as `Locator.click` waits until an earlier click is answered."""
    button = page.locator("#login-button")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def is_logged_in_with_the_basket(page: Page) -> None:
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
    assert email(page) == "ada@example.com"
    assert get(page, "basket") == ["bread"]


FORMS = pytest.mark.parametrize("form", ["/login", "/lab/login"], ids=["plain", "with-token"])
"""The second one's token against forged requests is in the session as well."""


@core
@promise("ROT-6")
@FORMS
def test_a_login_whose_answer_was_lost_can_be_repeated(page: Page, server: Server, form: str) -> None:
    gate = f"rot-6-lost{form.replace('/', '-')}"
    add_to_basket(page, "bread")
    fill_in(page, form)
    page.locator("#login-form").evaluate(f"form => form.action += '?after-save={gate}&token={gate}'")
    page.mouse.click(*where_to_click(page))
    server.wait_at_gate(gate)  # the login is saved, and not answered
    page.goto(UNTOUCHED)  # which gives the request up
    server.open_gate(gate)
    server.wait_for_outcome(gate)
    assert email(page) is None, "the browser has got the answer"

    fill_in(page, form)
    page.locator("#login-button").click()
    is_logged_in_with_the_basket(page)


COUNT = """(form, gate) => {
    const action = form.action;
    let clicks = 0;
    form.addEventListener("submit", () => {
        clicks += 1;
        form.action = `${action}?gate=${gate}-${clicks}&token=${gate}-${clicks}`;
    });
}"""
"""Let each click's request have a gate of its own."""


@promise("ROT-6")
@pytest.mark.parametrize("faster", [1, 2], ids=["first", "second"])
@FORMS
def test_two_clicks_on_log_in_are_one_login(page: Page, server: Server, form: str, faster: int) -> None:
    """`faster` is the click whose request is answered first; both have read the session before.

    Of clicks that are milliseconds apart Chromium sends the last one alone; these leave time for each.
    """
    gate = f"rot-6-clicks{form.replace('/', '-')}-{faster}"
    add_to_basket(page, "bread")
    fill_in(page, form)
    page.locator("#login-form").evaluate(COUNT, gate)
    button = where_to_click(page)
    for number in (1, 2):
        page.mouse.click(*button)
        server.wait_at_gate(f"{gate}-{number}")
    for number in (faster, 3 - faster):
        server.open_gate(f"{gate}-{number}")
        server.wait_for_outcome(f"{gate}-{number}")
    is_logged_in_with_the_basket(page)
