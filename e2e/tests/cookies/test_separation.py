"""SEC-1: the value of one session's cookie opens no other session."""

import pytest
from playwright.sync_api import Page

from e2e.browser.page import ask, email, jar, log_in, plant, send
from e2e.promises import promise


@promise("SEC-1")
@pytest.mark.parametrize("profile", ["", "/sealed"], ids=["root", "sealed"])
def test_a_cookie_that_is_sent_under_another_name_is_anonymous(page: Page, profile: str) -> None:
    """The cart is another session of the same app, with the same store and key."""
    send(page, "POST", f"{profile}/lab/append/items?value=of-the-session")
    send(page, "POST", f"{profile}/lab/cart?item=of-the-cart")
    own = jar(page)
    (name,) = (name for name in own if not name.endswith("_cart"))
    cart = f"{name}_cart"

    plant(page, {name: own[cart], cart: own[name]})
    assert ask(page, f"{profile}/lab/all") == {}
    assert ask(page, f"{profile}/lab/cart") == {"items": []}

    plant(page, own)
    assert ask(page, f"{profile}/lab/all") == {"items": ["of-the-session"]}
    assert ask(page, f"{profile}/lab/cart") == {"items": ["of-the-cart"]}


@promise("SEC-1")
def test_a_login_of_one_app_is_none_in_another_that_shares_its_store_and_key(page: Page) -> None:
    log_in(page)
    (value,) = jar(page).values()
    for name in ("session_cart", "short", "fixed", "absolute", "browser", "sealed"):
        plant(page, {name: value})
    for prefix in ("/short", "/fixed", "/absolute", "/browser", "/sealed"):
        assert ask(page, f"{prefix}/whoami")["email"] is None
    assert email(page) == "ada@example.com"


@promise("SEC-1")
def test_a_cookie_is_no_good_in_another_realm_under_its_own_name(page: Page) -> None:
    log_in(page)
    assert ask(page, "/neighbour/whoami")["email"] is None
    assert ask(page, "/neighbour/lab/all") == {}
    assert email(page) == "ada@example.com"
