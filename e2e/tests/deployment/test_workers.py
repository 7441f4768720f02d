"""Two server processes on one store: what holds within one holds across them."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_playwright import CreateContextCallback as NewContext

from e2e.browser.page import begin, email, finish, get, jar, log_in, plant, put, send
from e2e.promises import only, promise
from e2e.server.server import PROCESSES, Server

pytestmark = only(mode="workers")

ENOUGH = 30
"""Connections after which both processes should have had one; the system hands them out as it likes."""

Hold = Callable[[str, Callable[[int], str]], list[Page]]


@pytest.fixture
def hold(page: Page, new_context: NewContext, server: Server) -> Hold:
    """Send requests of the page's session over connections of their own until both processes work on one.

    They all wait at the gate. The second argument makes the path of each from its number.
    """

    def hold(gate: str, path: Callable[[int], str]) -> list[Page]:
        cookies, pages = jar(page), list[Page]()
        while server.processes_at_gate(gate) < PROCESSES:
            assert len(pages) < ENOUGH, "one process takes all connections"
            tab = new_context().new_page()
            plant(tab, cookies)
            begin(tab, "POST", path(len(pages)))
            pages.append(tab)
            server.wait_at_gate(gate, len(pages))
        return pages

    return hold


@promise("CONC-1")
def test_writers_in_two_processes_all_survive(page: Page, server: Server, hold: Hold) -> None:
    put(page, "before", "kept")
    pages = hold("conc-1-workers", lambda number: f"/lab/set/key-{number}?value=x&gate=conc-1-workers")
    server.open_gate("conc-1-workers")
    assert {finish(tab) for tab in pages} == {200}
    expected = {"before": "kept"} | {f"key-{number}": "x" for number in range(len(pages))}
    assert send(page, "GET", "/lab/all").json == expected


@promise("CONC-2")
def test_increments_in_two_processes_are_exact(page: Page, server: Server, hold: Hold) -> None:
    put(page, "before", "kept")
    pages = hold("conc-2-workers", lambda _: "/lab/increment/count?gate=conc-2-workers")
    server.open_gate("conc-2-workers")
    assert {finish(tab) for tab in pages} == {200}
    assert get(page, "count") == len(pages)


@promise("ROT-2", "ROT-5")
def test_slow_requests_in_two_processes_do_not_undo_a_login(page: Page, server: Server, hold: Hold) -> None:
    put(page, "colour", "green")
    old = jar(page)
    slow = hold("rot-2-workers", lambda _: "/lab/set/colour?value=slow&gate=rot-2-workers")
    log_in(page)
    expect(page.locator("#logout-button")).to_have_text("Log out ada@example.com")
    server.open_gate("rot-2-workers")
    for tab in slow:
        finish(tab)
        assert jar(tab) in (old, {}), "no cookie of the new session for whoever holds the old one"
        assert send(tab, "GET", "/lab/all").json == {}, "the old one opens nothing, nor do they revive it"
    assert email(page) == "ada@example.com"
    assert get(page, "colour") == "slow", "what they wrote is in the session that follows"


@promise("OUT-2")
def test_slow_requests_in_two_processes_do_not_undo_a_logout(page: Page, server: Server, hold: Hold) -> None:
    log_in(page)
    slow = hold("out-2-workers", lambda _: "/lab/set/colour?value=slow&gate=out-2-workers")
    page.locator("#logout-button").click()
    expect(page.locator("#login-button")).to_be_visible()
    server.open_gate("out-2-workers")
    for tab in slow:
        finish(tab)
        assert email(tab) is None
        assert get(tab, "colour") is None
