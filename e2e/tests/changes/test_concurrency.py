"""CONC: requests of one session at the same time."""

import pytest
from playwright.sync_api import Page

from e2e.browser.page import begin, begin_all, finish, finish_all, get, put, send
from e2e.promises import core, promise
from e2e.server.server import Server

WRITERS = 20
AT_ONCE = 6
"""As many requests as Chromium has under way to one host over HTTP/1.1."""


def write_in_parallel(page: Page, server: Server, gate: str, paths: list[str]) -> None:
    """All writers have read the session before the first of them writes, as far as the browser allows."""
    begin_all(page, "POST", [f"{path}{'&' if '?' in path else '?'}gate={gate}" for path in paths])
    server.wait_at_gate(gate, AT_ONCE)
    server.open_gate(gate)
    assert finish_all(page) == [200] * len(paths)


@core
@promise("CONC-1")
def test_parallel_writers_of_different_keys_all_survive(page: Page, server: Server) -> None:
    put(page, "before", "kept")
    keys = [f"key-{number}" for number in range(WRITERS)]
    write_in_parallel(page, server, "conc-1", [f"/lab/set/{key}?value={key}" for key in keys])
    assert send(page, "GET", "/lab/all").json == {"before": "kept"} | {key: key for key in keys}


@core
@promise("CONC-2")
def test_parallel_increments_are_exact(page: Page, server: Server) -> None:
    put(page, "before", "kept")
    write_in_parallel(page, server, "conc-2-increment", ["/lab/increment/count"] * WRITERS)
    assert get(page, "count") == WRITERS


@promise("CONC-2")
def test_parallel_updates_by_a_function_are_exact(page: Page, server: Server) -> None:
    put(page, "before", "kept")
    numbers = [str(number) for number in range(WRITERS)]
    write_in_parallel(
        page, server, "conc-2-update", [f"/lab/update/list?value={number}" for number in numbers]
    )
    assert sorted(get(page, "list"), key=int) == numbers


@promise("CONC-3")
@pytest.mark.parametrize("last", ["first", "second"])
def test_of_two_writes_of_a_key_the_last_wins_whole(page: Page, server: Server, last: str) -> None:
    """`last` is the request that commits last, by the order in which they began."""
    values = {"first": "a" * 500, "second": "b" * 500}
    put(page, "text", "before")
    tabs = {"first": page, "second": page.context.new_page()}
    for name, tab in tabs.items():
        begin(tab, "POST", f"/lab/set/text?value={values[name]}&gate=conc-3-{last}-{name}")
        server.wait_at_gate(f"conc-3-{last}-{name}")
    for name in sorted(tabs, key=lambda name: name == last):
        server.open_gate(f"conc-3-{last}-{name}")
        assert finish(tabs[name]) == 200
    assert get(page, "text") == values[last]


@promise("CONC-4")
def test_of_two_parallel_cookies_only_the_later_remains(page: Page, server: Server) -> None:
    put(page, "before", "kept")
    other_tab = page.context.new_page()
    begin(page, "POST", "/lab/set/left?value=1&gate=conc-4-left")
    begin(other_tab, "POST", "/lab/set/right?value=1&gate=conc-4-right")
    server.wait_at_gate("conc-4-left")
    server.wait_at_gate("conc-4-right")
    for tab, gate in ((page, "conc-4-left"), (other_tab, "conc-4-right")):
        server.open_gate(gate)
        assert finish(tab) == 200
    assert send(page, "GET", "/lab/all").json == {"before": "kept", "right": "1"}


THREADS = 8
"""That /lab/threads starts in one request."""


@core
@promise("CONC-6")
def test_threads_of_one_request_count_exactly(page: Page) -> None:
    for requests in (1, 2):
        assert send(page, "POST", "/lab/threads").value == requests * THREADS
    assert get(page, "threads") == 2 * THREADS
