"""SEC-3: logins that were written for other sessions, as a browser goes through them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from e2e.browsing import ask, jar, plant
from e2e.ported import LOGINS, PASSWORD, USER
from e2e.ported_server import PortedServer
from e2e.promises import only, promise
from e2e.results import FOLDER

# The store and the server are those of other tests; here the libraries are new.
pytestmark = only(server="uvicorn", store="sqlite", browser=["chromium", "firefox"], mode="http")


@pytest.fixture(scope="module")
def ported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortedServer]:
    folder = tmp_path_factory.mktemp("ported")
    with PortedServer(f"sqlite:///{folder}/sessions.db", log=FOLDER / "servers" / "ported.log") as running:
        yield running


def is_inside(page: Page, url: str) -> bool:
    answer = page.goto(url)
    assert answer is not None
    assert answer.status == 200
    return page.url == url


@promise("SEC-3", "ROT-3")
@pytest.mark.parametrize("inside", LOGINS.values(), ids=LOGINS)
def test_an_id_that_was_planted_before_such_a_login_is_worth_nothing_after_it(
    page: Page, new_page: Callable[[], Page], ported: PortedServer, inside: str
) -> None:
    url = f"{ported.url}{inside}"
    attacker = new_page()
    attacker.goto(f"{ported.url}/cart?item=bread")
    planted = jar(attacker)["session"]
    page.goto(f"{ported.url}/ready")
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
