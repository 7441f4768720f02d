"""MOVE-1: who is signed in at an app with Starlette's sessions stays so when the app moves."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.page import ask, jar, plant
from e2e.promises import only, promise
from e2e.report.results import FOLDER
from e2e.server.moved_in_app import USER
from e2e.server.moved_in_server import MovedServer

# The store and the server are those of other tests; here the way from one cookie to the other is new.
pytestmark = only(server="uvicorn", store="sqlite", browser=["chromium", "firefox"], mode="http")

LOG = FOLDER / "servers" / "moved.log"


@pytest.fixture(scope="module", params=["session", "visit"])
def cookie(request: pytest.FixtureRequest) -> str:
    """The old cookie's name: that of ours, or another one."""
    return str(request.param)


@pytest.fixture(scope="module", params=["server-side", "cookie"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "cookie":
        return "cookie:"
    return f"sqlite:///{tmp_path_factory.mktemp('moved')}/sessions.db"


@pytest.fixture(scope="module")
def old(cookie: str) -> Iterator[MovedServer]:
    with MovedServer("old", cookie, "", log=LOG) as running:
        yield running


@pytest.fixture(scope="module")
def new(cookie: str, store: str) -> Iterator[MovedServer]:
    """At another port, which a browser's cookies do not care about."""
    with MovedServer("new", cookie, store, log=LOG) as running:
        yield running


def sign_in(page: Page, server: MovedServer) -> None:
    page.goto(f"{server.url}/login")
    page.locator("[name=user]").fill(USER)
    with page.expect_navigation(url=f"{server.url}/account"):
        page.locator("[name=user]").press("Enter")


def is_signed_in(page: Page, server: MovedServer) -> bool:
    page.goto(f"{server.url}/account")
    if page.url != f"{server.url}/account":
        return False
    expect(page.locator("h1")).to_have_text(USER)
    return True


@promise("MOVE-1")
def test_who_was_signed_in_stays_signed_in_and_the_old_cookie_goes(
    page: Page, new_page: Callable[[], Page], cookie: str, store: str, old: MovedServer, new: MovedServer
) -> None:
    sign_in(page, old)
    before = jar(page)
    assert list(before) == [cookie]
    thief = new_page()
    thief.goto(f"{new.url}/ready")
    plant(thief, before)

    assert is_signed_in(page, new)
    after = jar(page)
    assert list(after) == ["session"]
    assert after != before
    assert is_signed_in(page, new)
    assert jar(page) == after
    assert ask(page, "/cart?item=milk") == {"cart": ["bread", "milk"]}

    page.goto(f"{new.url}/logout")
    assert jar(page) == {}
    assert not is_signed_in(page, new)
    if not store.startswith("cookie:"):  # which has nothing to remember the old cookie with
        assert not is_signed_in(thief, new)


@promise("MOVE-1")
def test_a_page_that_asks_for_much_at_once_stays_signed_in(
    page: Page, old: MovedServer, new: MovedServer
) -> None:
    sign_in(page, old)
    page.goto(f"{new.url}/ready")
    page.evaluate("() => Promise.all([...Array(6).keys()].map(n => fetch('/account?' + n)))")
    assert list(jar(page)) == ["session"]
    assert is_signed_in(page, new)
