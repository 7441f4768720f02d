"""FLASH: a value for exactly one read."""

from playwright.sync_api import Page, expect

from e2e.browser.launch_options import engine_of
from e2e.browser.page import UNTOUCHED, give, log_in_by_hand, put, send
from e2e.matrix.matrix import Cell
from e2e.promises import core, promise
from e2e.server.server import Server

MESSAGE = "Saved."


def flash(page: Page) -> None:
    assert send(page, "POST", f"/lab/flash?value={MESSAGE}").status == 200


def read(page: Page) -> str | None:
    value: str | None = send(page, "GET", "/lab/flash").value
    return value


@promise("FLASH-1")
def test_it_is_gone_after_a_reload(page: Page) -> None:
    log_in_by_hand(page, "ada@example.com", "wrong")
    expect(page.locator("#error")).to_have_text("Incorrect username or password")
    page.reload()
    expect(page.locator("#login-button")).to_be_visible()
    expect(page.locator("#error")).to_have_count(0)


@core
@promise("FLASH-1")
def test_it_is_gone_in_another_tab(page: Page) -> None:
    other_tab = page.context.new_page()
    flash(page)
    assert read(other_tab) == MESSAGE
    assert read(page) is None
    assert read(other_tab) is None


@promise("FLASH-2")
def test_unrelated_requests_do_not_consume_it(page: Page) -> None:
    flash(page)
    page.goto("/")
    page.goto("/lab")
    put(page, "colour", "green")
    send(page, "GET", "/lab/get/colour")
    send(page, "GET", "/no-such-page")
    assert read(page) == MESSAGE
    assert read(page) is None


@promise("FLASH-2")
def test_a_look_at_the_whole_session_shows_it_and_does_not_consume_it(page: Page) -> None:
    put(page, "colour", "green")
    flash(page)
    for _ in range(2):
        assert send(page, "GET", "/lab/all").json == {"colour": "green", "flash": MESSAGE}
    assert read(page) == MESSAGE
    assert send(page, "GET", "/lab/all").json == {"colour": "green"}


SPECULATION = """<script type="speculationrules">
    {"prefetch": [{"urls": ["%s"], "eagerness": "immediate"}]}
</script>"""
LINK = '<link rel="prefetch" href="%s">'
# A link's prefetch would do in Chromium too, but while it traces Playwright asks for its body once more.
PREFETCH = {"chromium": SPECULATION, "firefox": LINK}


@promise("FLASH-3")
def test_a_prefetch_does_not_consume_it(page: Page, server: Server, cell: Cell) -> None:
    flash(page)
    give(page, PREFETCH[engine_of(cell.browser)] % "/lab/flash?token=flash-3-prefetched")
    page.goto(UNTOUCHED)
    server.wait_for_outcome("flash-3-prefetched")
    assert read(page) == MESSAGE
    assert read(page) is None


@promise("FLASH-4")
def test_a_page_that_fails_does_not_lose_it(page: Page) -> None:
    flash(page)
    assert send(page, "GET", "/lab/flash-then-fail").status == 500
    assert read(page) == MESSAGE
    assert read(page) is None
