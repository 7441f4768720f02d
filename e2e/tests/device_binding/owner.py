"""Who logs in with a browser that binds the session to its device, and who steals the cookies."""

import time
from collections.abc import Callable, Sequence

from playwright.sync_api import Cookie, Page

from e2e.browser.binding_events import BindingEvents
from e2e.browser.page import REDIRECTS, ask, send

ADA, EVE = "ada@example.com", "eve@example.com"

BOUND = "/bound"
"""The profile whose proofs last ten minutes."""
BRIEF = "/brief"
"""The one whose proofs last three seconds."""
PROOF_IS_OVER = 3.3
"""Seconds; a proof of /brief is good for a twentieth longer than it lasts."""

HOUR = 60 * 60


def log_in_bound(page: Page, email: str = ADA, *, at: str = BOUND) -> BindingEvents:
    """Log in without looking at a page, and return when the browser has bound the session."""
    events = BindingEvents(page)
    form = {"email": email, "password": "correct"}
    assert send(page, "POST", f"{at}/login", form).status in REDIRECTS
    creation = events.wait_for("creation")
    assert creation["succeeded"], creation
    return events


def who(page: Page, profile: str = BOUND) -> str | None:
    """Who the server takes this browser for."""
    name: str | None = ask(page, f"{profile}/whoami")["email"]
    return name


def let_the_proof_expire(page: Page, profile: str = BOUND) -> None:
    """The cookie is gone from the browser, as it is when its life is over."""
    name = proof_of(profile)
    assert name in names(page)
    page.context.clear_cookies(name=name)


def renewed(events: BindingEvents, binding: str = "") -> str:
    """The identifier of the binding for which the browser has proved itself anew.

    A test that lets the proof expire asserts this, too: for ten seconds after the login the server takes
    requests without a proof.
    """
    refresh = events.wait_for("refresh", binding=binding)
    assert refresh["refreshEventDetails"]["refreshResult"] == "Refreshed", refresh
    return str(refresh["sessionId"])


def proof_of(profile: str) -> str:
    """The name of the cookie that a device gets for its proof."""
    return f"{profile.removeprefix('/')}-device"


def names(page: Page) -> set[str]:
    """Of all cookies that the browser has, whatever their path."""
    return {cookie.get("name", "") for cookie in page.context.cookies()}


def steal(page: Page) -> Sequence[Cookie]:
    """All cookies of the browser, as malware reads them from its files."""
    return page.context.cookies()


def thief(new_page: Callable[[], Page], loot: Sequence[Cookie]) -> Page:
    """Another browser, elsewhere, with these cookies. It keeps them also when they are over."""
    page = new_page()
    page.context.add_cookies([{**cookie, "expires": time.time() + HOUR} for cookie in loot])  # type: ignore[typeddict-item]
    return page
