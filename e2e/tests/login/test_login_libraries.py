"""SEC-3: logins that were written for other sessions, as a browser goes through them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from e2e.browser.page import ask, jar, plant
from e2e.promises import only, promise
from e2e.report.results import FOLDER
from e2e.server.login_libraries_app import LOGINS, PASSWORD, USER
from e2e.server.login_libraries_server import LoginLibrariesServer

# The store and the server are those of other tests; here the libraries are new.
pytestmark = only(server="uvicorn", store="sqlite", browser=["chromium", "firefox"], mode="http")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoginLibrariesServer]:
    folder = tmp_path_factory.mktemp("login-libraries")
    with LoginLibrariesServer(
        f"sqlite:///{folder}/sessions.db", log=FOLDER / "servers" / "login-libraries.log"
    ) as running:
        yield running


def is_inside(page: Page, url: str) -> bool:
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 200
    return page.url == url


@promise("SEC-3", "ROT-3")
@pytest.mark.parametrize("inside", LOGINS.values(), ids=LOGINS)
def test_an_id_that_was_planted_before_such_a_login_is_worth_nothing_after_it(
    page: Page, new_page: Callable[[], Page], app: LoginLibrariesServer, inside: str
) -> None:
    url = f"{app.url}{inside}"
    attacker = new_page()
    attacker.goto(f"{app.url}/cart?item=bread")
    planted = jar(attacker)["session"]
    page.goto(f"{app.url}/ready")
    plant(page, {"session": planted})

    assert not is_inside(page, url)  # but at the form
    page.locator("[name=username]").fill(USER)
    page.locator("[name=password]").fill(PASSWORD)
    with page.expect_navigation(url=url):
        page.locator("[name=password]").press("Enter")

    assert is_inside(page, url)
    assert jar(page)["session"] != planted
    assert ask(page, "/cart") == {"cart": ["bread"]}
    assert not is_inside(attacker, url)
    assert ask(attacker, "/cart") == {"cart": []}
