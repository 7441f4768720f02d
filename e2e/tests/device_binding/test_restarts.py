"""BIND-2: a binding outlives the server's process, and the browser's."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Playwright

from e2e.browser import install
from e2e.browser.binding_events import BindingEvents
from e2e.browser.launch_options import binding_options
from e2e.browser.page import UNTOUCHED
from e2e.promises import only, promise
from e2e.server.certificate import Certificate
from e2e.server.server import Server
from e2e.tests.device_binding.owner import ADA, BOUND, let_the_proof_expire, log_in_bound, renewed, who

pytestmark = only(mode="bound", browser="chromium-full")


@promise("BIND-2", "SAVE-5")
def test_a_binding_outlives_a_restart_of_the_server(
    page: Page, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    with start_server(tmp_path, log=".restart", mode="https") as first:
        page.goto(f"{first.url}{UNTOUCHED}")
        events = log_in_bound(page, at=f"{first.url}{BOUND}")
    # A browser binds to an origin, of which the port is a part.
    with start_server(tmp_path, log=".restart", mode="https", port=urlsplit(first.url).port):
        assert who(page) == ADA
        let_the_proof_expire(page)
        assert who(page) == ADA
        assert renewed(events)
        assert events.of("termination") == []


@promise("BIND-2")
def test_a_binding_outlives_a_restart_of_the_browser(
    playwright: Playwright, tls: Certificate, server: Server, tmp_path: Path
) -> None:
    def browser() -> BrowserContext:
        return playwright.chromium.launch_persistent_context(
            tmp_path, base_url=server.url, **binding_options(install.find("chromium-full"), tls)
        )

    with browser() as context:
        log_in_bound(context.new_page())
    with browser() as context:
        page = context.new_page()
        events = BindingEvents(page)
        assert who(page) == ADA
        let_the_proof_expire(page)
        assert who(page) == ADA
        assert renewed(events)
