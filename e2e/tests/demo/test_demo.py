"""What pages of other sites, and injected markup, can do to the demo's own pages: nothing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.browser.page import PATIENCE, UNTOUCHED, email, give
from e2e.matrix.matrix import Cell
from e2e.promises import only, promise
from e2e.server.server import Server

pytestmark = only(server="uvicorn", mode="https")  # the pages are the same behind each server

SUBMIT = """([action, fields]) => {
    const form = Object.assign(document.createElement("form"), {method: "post", action});
    for (const [name, value] of Object.entries(fields))
        form.append(Object.assign(document.createElement("input"), {name, value}));
    document.body.append(form);
    form.submit();
}"""
CONNECT = """([url, patience]) => new Promise((resolve, reject) => {
    setTimeout(() => reject("nothing happened"), patience);
    const socket = new WebSocket(url);
    socket.onmessage = () => resolve("open");
    socket.onclose = () => resolve("refused");
})"""
WATCH = """
    window.violations = [];
    addEventListener("securitypolicyviolation", event => violations.push(
        `${event.violatedDirective}: ${event.blockedURI} ${event.sample}`
    ));
"""
PAGES = ("/", "/login", "/sessions", "/theft", "/lab", "/lab/login", "/lab/names", "/short/", "/no-such-page")


@pytest.fixture
def anywhere(new_context: Callable[..., BrowserContext], cell: Cell) -> Page:
    """Of a browser in which `UNTOUCHED` has no policy, so that it is as free as any other site's page."""
    page = new_context(bypass_csp=True).new_page()
    if cell.browser == "firefox":
        # Playwright cannot have it bypass a policy. In Chromium a page that is given opens no wss: at all.
        give(page, "<!doctype html>")
    return page


def another_site(server: Server) -> str:
    return server.url.replace("127.0.0.1", "localhost")


@promise("DEMO-1")
@pytest.mark.parametrize("path", ["/login", "/third-party/login"])
def test_another_sites_form_signs_nobody_in(anywhere: Page, server: Server, path: str) -> None:
    fields = {"email": "eve@example.com", "password": "correct"}
    for site, status, who in ((another_site(server), 403, None), (server.url, 303, "eve@example.com")):
        anywhere.goto(f"{site}{UNTOUCHED}")
        with (
            anywhere.expect_event("load"),
            anywhere.expect_response(lambda response: response.request.method == "POST") as caught,
        ):
            anywhere.evaluate(SUBMIT, [f"{server.url}{path}", fields])
        assert caught.value.status == status
        anywhere.goto(f"{server.url}{path}")
        expect(anywhere.locator("#logout-button")).to_have_count(1 if who else 0)


@promise("DEMO-1")
def test_another_site_opens_no_websocket(anywhere: Page, server: Server) -> None:
    address = (
        f"{server.url.replace('https', 'wss')}/third-party/lab/ws"  # whose cookie goes along from anywhere
    )
    for site, outcome in ((another_site(server), "refused"), (server.url, "open")):
        anywhere.goto(f"{site}{UNTOUCHED}")
        assert anywhere.evaluate(CONNECT, [address, PATIENCE]) == outcome


@promise("DEMO-1")
def test_another_site_shows_no_page_in_a_frame(page: Page, server: Server) -> None:
    for path, whose, shown in (("/third-party/login", "*", 1), ("/login", "'none'", 0)):
        with page.expect_response(f"{server.url}{path}") as framed:
            page.goto(f"{another_site(server)}/lab/frame?src={server.url}{path}")  # waits for the frame, too
        assert framed.value.status == 200
        assert f"frame-ancestors {whose}" in framed.value.headers["content-security-policy"]
        expect(page.frame_locator("#frame").locator("#login-form")).to_have_count(shown)


@promise("DEMO-1")
def test_pages_keep_their_own_policy_which_lets_no_script_in(page: Page) -> None:
    page.add_init_script(WATCH)
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("violations") == [], path
        # Something of the stylesheet and the icon's place is there: the policy has not blocked them.
        assert page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") != "0px"
        page.evaluate("""() => {
            const script = document.createElement("script");
            script.text = "window.injected = true";
            document.body.append(script);
        }""")
        assert page.evaluate("window.injected") is None, path
        assert len(page.evaluate("violations")) == 1


@promise("DEMO-1")
def test_an_old_cookie_does_not_undo_a_count_of_failures(anywhere: Page) -> None:
    """Each attempt comes from a browser without cookies, as after somebody has deleted or replayed them."""

    def attempt(password: str) -> None:
        anywhere.context.clear_cookies()
        anywhere.goto("/login")
        anywhere.locator("#email").fill("guessed@example.com")
        anywhere.locator("#password").fill(password)
        anywhere.locator("#login-button").click()

    for _ in range(10):
        attempt("wrong")
        expect(anywhere.locator("#error")).to_have_text("Incorrect username or password")
    attempt("correct")
    expect(anywhere.locator("#error")).to_contain_text("Too many failed attempts")
    assert email(anywhere) is None
