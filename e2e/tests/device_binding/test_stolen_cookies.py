"""BIND-1 and BIND-3: what a copy of all cookies of a browser is worth, and what it costs the owner."""

from collections.abc import Callable, Sequence

from playwright.sync_api import Cookie, Page

from e2e.browser.page import get, jar, put, send
from e2e.browser.timeline import NewPage, Steps, on_the_timeline
from e2e.promises import core, only, promise
from e2e.tests.device_binding.owner import (
    ADA,
    BOUND,
    BRIEF,
    EVE,
    PROOF_IS_OVER,
    log_in_bound,
    names,
    proof_of,
    steal,
    thief,
    who,
)

pytestmark = only(mode="bound", browser="chromium-full")


def without_the_proof(loot: Sequence[Cookie], profile: str) -> Sequence[Cookie]:
    return [cookie for cookie in loot if cookie.get("name") != proof_of(profile)]


@promise("BIND-1")
@on_the_timeline
def test_a_copy_of_all_cookies_opens_nothing_once_the_proof_is_over(new_page: NewPage) -> Steps:
    owner = new_page()
    log_in_bound(owner, at=BRIEF)
    put(owner, "secret", "of-ada", BRIEF)
    elsewhere = thief(new_page, steal(owner))
    assert proof_of(BRIEF) in names(elsewhere)
    yield PROOF_IS_OVER
    assert who(elsewhere, BRIEF) is None
    assert get(elsewhere, "secret", BRIEF) is None
    assert who(owner, BRIEF) == ADA
    assert get(owner, "secret", BRIEF) == "of-ada"


@promise("BIND-1", "BIND-2", "BIND-3")
@on_the_timeline
def test_a_thief_without_a_proof_costs_the_owner_nothing(new_page: NewPage) -> Steps:
    owner = new_page()
    log_in_bound(owner, at=BRIEF)
    put(owner, "colour", "green", BRIEF)
    before = jar(owner)["brief"]
    elsewhere = thief(new_page, without_the_proof(steal(owner), BRIEF))
    yield PROOF_IS_OVER  # until then the server takes requests that were on their way at the login
    for path in ("lab/set/colour?value=red", "lab/rotate", "lab/clear", "lab/destroy", "logout"):
        send(elsewhere, "POST", f"{BRIEF}/{path}")
        assert who(elsewhere, BRIEF) is None
    assert who(owner, BRIEF) == ADA
    assert jar(owner)["brief"] == before
    assert get(owner, "colour", BRIEF) == "green"


@promise("BIND-3")
@on_the_timeline
def test_a_thief_who_logs_in_with_the_copy_binds_only_a_session_of_their_own(new_page: NewPage) -> Steps:
    owner = new_page()
    log_in_bound(owner, at=BRIEF)
    elsewhere = thief(new_page, without_the_proof(steal(owner), BRIEF))
    yield PROOF_IS_OVER
    log_in_bound(elsewhere, EVE, at=BRIEF)
    assert who(elsewhere, BRIEF) == EVE
    assert who(owner, BRIEF) == ADA
    yield PROOF_IS_OVER
    assert who(elsewhere, BRIEF) == EVE
    assert who(owner, BRIEF) == ADA


@core
@promise("BIND-1", "BIND-3")
def test_a_copy_is_good_for_as_long_as_the_proof_in_it_but_not_after_the_logout(
    page: Page, new_page: Callable[[], Page]
) -> None:
    """The first half is the limit of BIND-1, and why a proof lasts ten minutes and not a day."""
    log_in_bound(page)
    elsewhere = thief(new_page, steal(page))
    assert who(elsewhere) == ADA
    send(page, "POST", f"{BOUND}/logout")
    assert who(elsewhere) is None
    log_in_bound(page)
    assert who(elsewhere) is None
