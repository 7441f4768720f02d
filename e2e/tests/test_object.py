"""OBJ: the session object, as far as a browser can tell."""

from playwright.sync_api import Page

from e2e.browsing import get, jar, log_in, put, send
from e2e.promises import promise


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
