"""OBJ: the session object, as far as a browser can tell."""

from playwright.sync_api import Page, expect

from e2e.browser.page import get, jar, log_in, put, send
from e2e.promises import promise


@promise("OBJ-1")
def test_the_session_itself_is_json(page: Page) -> None:
    put(page, "colour", "green")
    send(page, "POST", "/lab/append/basket?value=bread")
    assert send(page, "GET", "/lab/all").json == {"colour": "green", "basket": ["bread"]}


@promise("OBJ-1")
def test_a_template_finds_the_apps_own_keys_and_never_the_secret(page: Page) -> None:
    log_in(page)
    page.goto("/lab/names")
    expect(page.locator("#printed-id")).to_be_empty()
    expect(page.locator("#printed-owner")).to_have_text("ada@example.com")
    assert jar(page)["session"] not in page.content()
    for key in ("id", "owner", "colour"):
        put(page, key, f"my-{key}")
    page.goto("/lab/names")
    for key in ("id", "owner", "colour"):
        expect(page.locator(f"#printed-{key}")).to_have_text(f"my-{key}")


@promise("OBJ-2")
def test_the_verbs(page: Page) -> None:
    put(page, "colour", "green")
    assert send(page, "POST", "/lab/increment/count").value == 1
    assert send(page, "POST", "/lab/increment/count").value == 2
    assert send(page, "POST", "/lab/update/list?value=a").value == ["a"]
    assert send(page, "POST", "/lab/forget/colour").status == 200
    assert send(page, "POST", "/lab/forget/colour").status == 200, "nothing to forget is no error"
    assert send(page, "GET", "/lab/all").json == {"count": 2, "list": ["a"]}


@promise("OBJ-4")
def test_in_place_changes_of_nested_values_are_saved(page: Page) -> None:
    for item in ("bread", "wine", "cheese"):
        send(page, "POST", f"/lab/append/basket?value={item}")
    assert get(page, "basket") == ["bread", "wine", "cheese"]


@promise("OBJ-7")
def test_a_dict_in_the_sessions_place_is_what_is_saved(page: Page) -> None:
    put(page, "colour", "green")
    put(page, "shape", "round")
    assert send(page, "POST", "/lab/replace?key=colour&value=blue").status == 200
    assert send(page, "GET", "/lab/all").json == {"colour": "blue"}


@promise("OBJ-7")
def test_an_empty_dict_in_the_sessions_place_ends_it(page: Page) -> None:
    log_in(page)
    assert send(page, "POST", "/lab/replace-by-nothing").status == 200
    assert jar(page) == {}
    assert send(page, "GET", "/lab/all").json == {}


def cart(page: Page) -> list[str]:
    items: list[str] = send(page, "GET", "/lab/cart").json["items"]
    return items


@promise("OBJ-6")
def test_two_sessions_live_side_by_side(page: Page) -> None:
    log_in(page)
    send(page, "POST", "/lab/cart?item=bread")
    assert jar(page).keys() == {"session", "session_cart"}
    assert cart(page) == ["bread"]
    assert "items" not in send(page, "GET", "/lab/all").json


@promise("OBJ-6")
def test_each_dies_alone(page: Page) -> None:
    log_in(page)
    send(page, "POST", "/lab/cart?item=bread")
    page.locator("#logout-button").click()
    page.locator("#login-button").wait_for()
    assert jar(page).keys() == {"session_cart"}
    assert cart(page) == ["bread"]
    put(page, "colour", "green")
    send(page, "POST", "/lab/cart/destroy")
    assert jar(page).keys() == {"session"}
    assert get(page, "colour") == "green"


@promise("OBJ-6")
def test_each_rotates_alone(page: Page) -> None:
    put(page, "colour", "green")
    send(page, "POST", "/lab/cart?item=bread")
    before = jar(page)
    send(page, "POST", "/lab/cart/rotate")
    assert jar(page)["session_cart"] != before["session_cart"]
    assert jar(page)["session"] == before["session"]
    send(page, "POST", "/lab/rotate")
    assert jar(page)["session"] != before["session"]
    assert (get(page, "colour"), cart(page)) == ("green", ["bread"])
