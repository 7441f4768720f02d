"""SEAL-2: a person who logs in on a Hono app is logged in on a Starlette app, and the other way round.

Both have the cookie store, ours with `shared_with`, one key and one cookie name. Cookies ignore ports, so two
ports of one host are what two apps behind one host name are to a browser. Each test goes both ways.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.page import get, jar, log_in_by_hand, plant, put, send
from e2e.promises import promise
from e2e.report.results import FOLDER
from e2e.server.server import Server, ServerFailed
from sessions.iron import seal, unseal

pytestmark = pytest.mark.only(
    server=["hono-node", "hono-bun", "hono-deno", "hono-workers", "hono-pages"], store="cookie", mode="http"
)

SHARED = "cookie:?shared_with=hono-sessions"
"""The URL of our store."""

ABSOLUTE_TIMEOUT = 3
"""Seconds, of the profile of that name."""

both_ways = pytest.mark.parametrize("sides", ["from-hono", "from-python"], indirect=True)


@pytest.fixture(scope="session")
def python(key: str, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server with a cookie store that is shared, and the target's key."""
    # Each worker has one, with a key of its own; where a server listens is read from its own log.
    log = FOLDER / "servers" / f"shared-sessions-{worker_id}.log"
    with Server("uvicorn", SHARED, key=key, folder=tmp_path_factory.mktemp("python"), log=log) as running:
        yield running


@pytest.fixture
def sides(request: pytest.FixtureRequest, server: Server, python: Server) -> tuple[str, str]:
    """The addresses of the app where the session begins and of the one where it goes on."""
    return (server.url, python.url) if request.param == "from-hono" else (python.url, server.url)


def go(page: Page, url: str) -> None:
    page.goto(f"{url}/lab/untouched")


def email_at(page: Page, url: str) -> str | None:
    go(page, url)
    name: str | None = send(page, "GET", "/whoami").json["email"]
    return name


def record_in(page: Page, key: str) -> Any:
    """What either side has sealed."""
    return json.loads(unseal(jar(page)["session"], key))


def log_in_at(page: Page, url: str) -> None:
    log_in_by_hand(page, "ada@example.com", "correct", at=url)
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")


@promise("SEAL-2: shared session")
@both_ways
def test_the_cookie_of_either_side_is_the_same_record(page: Page, sides: tuple[str, str], key: str) -> None:
    go(page, sides[0])
    put(page, "colour", "green")
    record = record_in(page, key)
    assert record["_data"] == {"colour": {"value": "green", "flash": False}}
    assert record["_delete"] is False
    assert record["_expire"].endswith("Z")


@promise("SEAL-2: shared session")
@both_ways
def test_such_a_record_is_a_session_on_either_side(page: Page, sides: tuple[str, str], key: str) -> None:
    record = {
        "_data": {"colour": {"value": "green", "flash": False}, "flash": {"value": "Hello", "flash": True}},
        "_expire": None,
        "_delete": False,
        "_accessed": None,
    }
    go(page, sides[0])
    plant(page, {"session": seal(json.dumps(record), key)})
    assert get(page, "colour") == "green"
    assert send(page, "GET", "/lab/flash").value == "Hello"
    assert send(page, "GET", "/lab/flash").value is None


@promise("SEAL-2: shared session")
@both_ways
def test_a_login_on_one_side_is_a_login_on_the_other(page: Page, sides: tuple[str, str]) -> None:
    here, there = sides
    log_in_at(page, here)
    page.goto(f"{there}/login")
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
    assert email_at(page, here) == "ada@example.com"


@promise("SEAL-2: shared session")
@both_ways
def test_a_logout_on_either_side_is_a_logout_on_both(page: Page, sides: tuple[str, str]) -> None:
    here, there = sides
    log_in_at(page, here)
    page.goto(f"{there}/login")
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    assert email_at(page, there) is None
    assert email_at(page, here) is None


@promise("SEAL-2: shared session")
@both_ways
def test_a_flash_value_set_on_one_side_is_read_once_on_the_other(page: Page, sides: tuple[str, str]) -> None:
    here, there = sides
    go(page, here)
    send(page, "POST", "/lab/flash?value=Hello")
    go(page, there)
    assert send(page, "GET", "/lab/flash").value == "Hello"
    assert send(page, "GET", "/lab/flash").value is None
    go(page, here)
    assert send(page, "GET", "/lab/flash").value is None


@promise("SEAL-2: shared session")
@both_ways
def test_failed_logins_are_counted_by_both(page: Page, sides: tuple[str, str]) -> None:
    for attempt, url in enumerate((*sides, *sides), 1):
        page.goto(f"{url}/login")
        page.locator("#email").fill("ada@example.com")
        page.locator("#password").fill("wrong")
        page.locator("#login-button").click()
        expect(page.locator("#failed-login-attempts")).to_have_text(f"Failed login attempts: {attempt}")


@promise("SEAL-2: shared session")
@both_ways
def test_both_count_the_same_visits(page: Page, sides: tuple[str, str]) -> None:
    here, there = sides
    for visit, url in enumerate((here, there, there, here, there), 1):
        page.goto(f"{url}/")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"You have visited this page {visit} times")


@promise("SEAL-2: shared session")
@both_ways
def test_values_of_every_script_and_kind_cross_over(page: Page, sides: tuple[str, str]) -> None:
    here, there = sides
    values = {"snow": "☃", "emoji": "👩🏽‍💻", "quote": 'a"b\\c', "arabic": "مرحبا"}
    go(page, here)
    for key, value in values.items():
        page.evaluate(
            "([key, value]) => fetch(`/lab/set/${key}?value=${encodeURIComponent(value)}`, {method: 'POST'})",
            [key, value],
        )
    send(page, "POST", "/lab/increment/count")
    send(page, "POST", "/lab/append/list?value=bread")
    go(page, there)
    assert send(page, "GET", "/lab/all").json == {**values, "count": 1, "list": ["bread"]}
    send(page, "POST", "/lab/increment/count")
    send(page, "POST", "/lab/append/list?value=wine")
    go(page, here)
    assert send(page, "GET", "/lab/all").json == {**values, "count": 2, "list": ["bread", "wine"]}


@promise("SEAL-2: shared session")
@both_ways
def test_one_cookie_is_all_there_is(page: Page, sides: tuple[str, str]) -> None:
    here, there = sides
    log_in_at(page, here)
    assert email_at(page, there) == "ada@example.com"
    put(page, "colour", "green")
    assert list(jar(page)) == ["session"]


@promise("SEAL-2: shared session")
def test_birth_and_owner_outlive_what_hono_writes(
    page: Page, server: Server, python: Server, key: str
) -> None:
    log_in_at(page, python.url)
    ours = record_in(page, key)
    assert (bool(ours["_created"]), ours["_owner"]) == (True, "ada@example.com")
    go(page, server.url)
    put(page, "colour", "green")
    by_hono = record_in(page, key)
    assert "colour" in by_hono["_data"]
    assert (by_hono["_created"], by_hono["_owner"]) == (ours["_created"], ours["_owner"])


@promise("SEAL-2: shared session")
def test_what_began_in_hono_is_as_old_as_its_last_request_there(
    page: Page, server: Server, python: Server, key: str
) -> None:
    log_in_at(page, server.url)
    by_hono = record_in(page, key)
    assert "_created" not in by_hono
    go(page, python.url)
    put(page, "colour", "green")
    assert record_in(page, key)["_created"] == by_hono["_accessed"]


@promise("SEAL-2: shared session")
def test_busy_as_it_is_in_hono_a_session_ends_in_python_at_its_absolute_timeout(
    page: Page, server: Server, python: Server
) -> None:
    def count_at(url: str) -> int:
        page.goto(f"{url}/absolute/lab/untouched")
        count: int = send(page, "POST", "/absolute/lab/increment/count").value
        return count

    assert count_at(python.url) == 1
    end = time() + ABSOLUTE_TIMEOUT
    counted = 1
    while time() < end:
        counted += 1
        assert count_at(server.url) == counted
    assert count_at(python.url) == 1


@promise("SEAL-2: shared session", "BAD-1")
@both_ways
def test_an_altered_cookie_is_anonymous_on_both_sides(page: Page, sides: tuple[str, str]) -> None:
    here, there = sides
    log_in_at(page, here)
    sealed = jar(page)["session"]
    place = len(sealed) // 2
    altered = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
    for url in (there, here):
        go(page, url)
        plant(page, {"session": altered})
        assert email_at(page, url) is None
    plant(page, {"session": sealed})
    assert email_at(page, there) == "ada@example.com"


@promise("SEAL-5: shared session")
def test_a_key_shorter_than_32_characters_is_refused_by_both(
    page: Page, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    short = "k" * 31
    with start_server(tmp_path, log=".short-key", key=short) as target:
        response = page.goto(f"{target.url}/whoami")
        assert response
        assert response.status == 500
        assert jar(page) == {}
    with pytest.raises(ServerFailed, match="at least 32 characters"):
        Server("uvicorn", SHARED, key=short, folder=tmp_path, log=tmp_path / "short-key.log")
