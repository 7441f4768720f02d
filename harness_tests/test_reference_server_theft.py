"""The demo's thief, and the login that another site leads back to. What a browser sees of it is in e2e/."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from starlette.testclient import TestClient

from harness_tests.test_reference_server import text_of
from reference_server.app import create_app
from reference_server.pages import PASSWORD
from reference_server.settings import Settings
from sessions.testing import BoundBrowser

KEY = "a key for tests with 32 characters or more"
RIGHT = {"email": "ada@example.org", "password": PASSWORD}

pytestmark = pytest.mark.promise("DEMO-4")


@pytest.fixture(params=["memory:", "cookie:"])
def store(request: pytest.FixtureRequest) -> str:
    url: str = request.param
    return url


@pytest.fixture
def visitor(store: str, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(store=store, server="uvicorn", key=KEY, gates=tmp_path / "gates"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def loot_of(page: str) -> str:
    found = re.search(r'name="loot" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("profile", ["", "/sealed", "/split"])
def test_the_thief_has_what_the_cookie_opens_and_the_page_shows_no_cookie(
    visitor: TestClient, profile: str
) -> None:
    visitor.post(f"{profile}/login", data=RIGHT)
    page = visitor.post(f"{profile}/theft").text
    assert text_of(page, "thief") == "The thief is signed in as ada@example.org ."
    assert [value for value in visitor.cookies.values() if value in page] == []


def test_a_copy_from_before_the_logout_is_worth_nothing_after_it(visitor: TestClient, store: str) -> None:
    visitor.post("/login", data=RIGHT)
    loot = loot_of(visitor.post("/theft").text)
    visitor.post("/logout")
    page = visitor.post("/theft", data={"loot": loot}).text
    opens_nothing = "The thief is nobody: the copy opens nothing."
    nothing_can_end_it = "The thief is signed in as ada@example.org ."
    assert text_of(page, "thief") == (nothing_can_end_it if store == "cookie:" else opens_nothing)


@pytest.mark.parametrize("loot", ["", "garbage", "Fe26.2**", "[{}, 0]"])
def test_cookies_that_were_not_stolen_here_are_refused(visitor: TestClient, loot: str) -> None:
    assert visitor.post("/theft", data={"loot": loot}).status_code == 400


def test_a_stolen_copy_is_no_cookie(visitor: TestClient) -> None:
    """It is sealed with the key of the cookies, for another purpose."""
    visitor.post("/sealed/login", data=RIGHT)
    loot = loot_of(visitor.post("/sealed/theft").text)
    visitor.cookies.clear()
    assert visitor.get("/sealed/whoami", headers={"cookie": f"sealed={loot}"}).json()["email"] is None


def test_there_is_no_bound_profile_where_the_server_keeps_nothing(visitor: TestClient, store: str) -> None:
    in_cookie = store == "cookie:"
    assert visitor.get("/bound/").status_code == (404 if in_cookie else 200)
    assert ("/bound/" in visitor.get("/").text) is not in_cookie


@pytest.fixture
def bound_browser(tmp_path: Path) -> Iterator[BoundBrowser]:
    app = create_app(Settings(store="memory:", server="uvicorn", key=KEY, gates=tmp_path / "gates"))
    with TestClient(app, "https://testserver") as client:
        browser = BoundBrowser(client)
        browser.post("/bound/login", data=RIGHT)
        yield browser


@pytest.mark.promise("BIND-1")
def test_of_a_bound_session_the_thief_has_nothing_once_the_proof_is_over(bound_browser: BoundBrowser) -> None:
    with time_machine.travel(int(time.time()) + 1, tick=False) as clock:
        bound_browser.renew()
        page = bound_browser.post("/bound/theft").text
        assert text_of(page, "stolen") == "bound , bound-device"
        assert text_of(page, "thief") == "The thief is signed in as ada@example.org ."
        clock.shift(601 + 30)
        page = bound_browser.post("/bound/theft", data={"loot": loot_of(page)}).text
    assert text_of(page, "thief") == "The thief is nobody: the copy opens nothing."
    assert text_of(page, "owner") == "ada@example.org"


@pytest.mark.promise("BIND-4")
def test_the_inspector_and_the_list_of_sessions_say_what_is_bound(bound_browser: BoundBrowser) -> None:
    with time_machine.travel(int(time.time()) + 1, tick=False) as clock:
        bound_browser.renew()
        clock.shift(90)
        page = bound_browser.get("/bound/").text
        assert text_of(page, "inspector-device") == (
            "bound; its proof lasts 8 min 30 s of 10 min It last proved itself 1 min 30 s ago."
        )
        assert "bound to its device" in bound_browser.get("/bound/sessions").text
        ordinary = TestClient(bound_browser.client.app, "https://testserver")  # type: ignore[attr-defined]
        ordinary.post("/bound/login", data=RIGHT)
        said = text_of(ordinary.get("/bound/").text, "inspector-device")
        assert said is not None
        assert said.startswith("not bound")


def test_a_login_at_another_site_signs_in_who_began_it_here_and_only_once(visitor: TestClient) -> None:
    state = visitor.post("/lab/provider/begin?email=ada@example.org").json()["state"]
    callback = f"/lab/provider/callback?state={state}"
    stranger = TestClient(visitor.app)
    assert stranger.get(callback).status_code == 403
    assert visitor.get("/lab/provider/callback").status_code == 403
    assert visitor.get("/lab/provider/callback?state=").status_code == 403
    visitor.get(callback)
    assert visitor.get("/whoami").json()["email"] == "ada@example.org"
    assert visitor.get(callback).status_code == 403
