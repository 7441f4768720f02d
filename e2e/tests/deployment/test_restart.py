"""What outlives the server process. These tests have a server process of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from e2e.browser.page import begin, get, jar, plant, put, send
from e2e.promises import promise
from e2e.server.server import Server

Start = Callable[[], Server]


@pytest.fixture
def start(start_server: Callable[..., Server], tmp_path: Path) -> Start:
    """Start the cell's server, again and again on the same store."""
    return lambda: start_server(tmp_path, log=".restart")


@promise("SAVE-5")
def test_sessions_outlive_a_restart(page: Page, start: Start) -> None:
    with start() as first:
        page.goto(f"{first.url}/lab/untouched")
        put(page, "colour", "green")
        put(page, "colour", "green", "/sealed")
        send(page, "POST", "/lab/flash?value=Hello")
        cookies = jar(page)
    with start() as second:
        page.goto(f"{second.url}/lab/untouched")
        assert get(page, "colour") == "green"
        assert get(page, "colour", "/sealed") == "green"
        assert jar(page).keys() == cookies.keys()
        assert send(page, "GET", "/lab/flash").value == "Hello"
        put(page, "colour", "blue")
        assert get(page, "colour") == "blue"


@promise("BAD-3")
def test_a_server_killed_in_mid_request_loses_nothing_it_had_acknowledged(page: Page, start: Start) -> None:
    with start() as first:
        page.goto(f"{first.url}/lab/untouched")
        put(page, "colour", "green")
        for _ in range(10):
            send(page, "POST", "/lab/increment/count")
        slow_tab = page.context.new_page()
        slow_tab.goto(f"{first.url}/lab/untouched")
        begin(slow_tab, "POST", "/lab/set/colour?value=never-acknowledged&gate=bad-3")
        first.wait_at_gate("bad-3")
        cookies = jar(page)
        first.kill()
    with start() as second:
        plant(page, cookies)
        page.goto(f"{second.url}/lab/untouched")
        assert send(page, "GET", "/lab/all").json == {"colour": "green", "count": 10}
        assert send(page, "POST", "/lab/increment/count").value == 11
