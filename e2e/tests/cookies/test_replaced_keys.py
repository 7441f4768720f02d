"""SEAL-7: an encryption key is replaced while a browser is logged in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from e2e.browser.page import ask, jar, plant
from e2e.promises import only, promise
from e2e.report.results import FOLDER
from e2e.server.replaced_keys_app import STORE
from e2e.server.uvicorn_app import UvicornApp

# The server is that of other tests; here the keys are new.
pytestmark = only(server="uvicorn", store="sqlite", browser=["chromium", "firefox"], mode="http")


class KeyServer(UvicornApp):
    def __init__(self, store: str, *, log: Path) -> None:
        """Returns when it answers. Raises ServerFailed with its own output."""
        factory = "e2e.server.replaced_keys_app:app"
        super().__init__("replaced keys", factory, {STORE: store}, probe="/before/ready", log=log)


@pytest.fixture(scope="module", params=["sqlite", "cookie"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyServer]:
    folder = tmp_path_factory.mktemp("keys")
    store = "cookie:" if request.param == "cookie" else f"sqlite:///{folder}/sessions.db"
    with KeyServer(store, log=FOLDER / "servers" / f"replaced-keys-{request.param}.log") as running:
        yield running


@promise("SEAL-7")
def test_a_browser_stays_logged_in_while_the_key_is_replaced(
    page: Page, new_page: Callable[[], Page], site: KeyServer
) -> None:
    page.goto(f"{site.url}/before/ready")
    ask(page, "/before/login")
    first = jar(page)
    assert ask(page, "/new-key-opens/user") == {"user": "ada"}
    assert jar(page) == first

    ask(page, "/new-key-seals/ready")  # any page will do

    assert jar(page).keys() == first.keys()
    assert jar(page) != first
    assert ask(page, "/old-key-dropped/user") == {"user": "ada"}

    # The old key's cookie, kept by somebody, opens nothing any more.
    thief = new_page()
    thief.goto(f"{site.url}/before/ready")
    plant(thief, first)
    assert ask(thief, "/old-key-dropped/user") == {"user": None}
