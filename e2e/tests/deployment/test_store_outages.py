"""BAD-2: the store goes away and comes back. The test has a database and a server process of its own."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from e2e.browser.page import UNTOUCHED, email, jar, log_in, send
from e2e.browser.timeline import NewPage
from e2e.matrix.matrix import Cell
from e2e.promises import core, only, promise
from e2e.server.server import Server
from services import SERVICES


@core
@promise("BAD-2")
@only(store=["redis", "postgres"])
def test_nobody_is_logged_out_while_the_store_is_away(
    cell: Cell, page: Page, new_page: NewPage, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    _, kind = SERVICES[cell.store]
    with (
        kind() as database,
        start_server(tmp_path, log=".away", services={cell.store: database.url}) as server,
    ):
        page.goto(f"{server.url}{UNTOUCHED}")
        log_in(page, at=server.url)
        expect(page.locator("#logout-button")).to_be_visible()
        cookies = jar(page)
        stranger = new_page()

        database.stop()
        for method, path in (
            ("GET", "/whoami"),
            ("POST", "/lab/set/colour?value=green"),
            ("POST", "/logout"),
        ):
            refused = send(page, method, path)
            assert refused.status == 503
            assert int(refused.headers["retry-after"]) > 0
            assert refused.set_cookies == []
        assert jar(page) == cookies
        response = stranger.goto(f"{server.url}{UNTOUCHED}")
        assert response
        assert response.status == 200
        assert send(stranger, "GET", "/whoami").status == 200, "no cookie, nothing to look up"

        database.start()
        assert email(page) == "ada@example.com"
        assert jar(page) == cookies
