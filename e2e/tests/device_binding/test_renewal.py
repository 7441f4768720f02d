"""BIND-2: the browser proves itself again and again, and its owner notices nothing.

A cookie that is deleted is to the browser what one is whose life is over. So no test waits for ten minutes.
"""

import re
from urllib.parse import urljoin

from playwright.sync_api import Page, expect

from e2e.browser.binding_events import BindingEvents
from e2e.browser.page import UNTOUCHED, begin_all, finish_all, get, jar, log_in, send
from e2e.browser.timeline import NewPage, Steps, on_the_timeline
from e2e.browser.websocket import open_chat, say
from e2e.promises import core, only, promise
from e2e.server.server import Server
from e2e.tests.device_binding.owner import (
    ADA,
    BOUND,
    BRIEF,
    EVE,
    PROOF_IS_OVER,
    let_the_proof_expire,
    log_in_bound,
    names,
    proof_of,
    renewed,
    who,
)

pytestmark = only(mode="bound", browser="chromium-full")

PARALLEL = 8


def at(host: str, server: Server) -> str:
    return server.url.replace("127.0.0.1", host)


@core
@promise("BIND-2", "BIND-3")
def test_a_login_is_bound(page: Page) -> None:
    events = log_in_bound(page)
    page.goto(f"{BOUND}/")
    expect(page.locator("#inspector-device")).to_contain_text("bound; its proof lasts")
    assert proof_of(BOUND) in names(page)
    assert who(page) == ADA
    assert len(events.of("creation")) == 1, "one login is one binding, however many pages follow"
    assert events.of("refresh") == [], "and the proof that it brought is enough for all of them"


@core
@promise("BIND-2")
def test_a_request_after_the_proofs_end_waits_for_a_new_one(page: Page) -> None:
    events = log_in_bound(page)
    let_the_proof_expire(page)
    page.goto(f"{BOUND}/login")
    expect(page.locator("#logout-button")).to_have_text(f"Log out {ADA}")
    assert events.wait_for("challenge")["succeeded"]
    assert renewed(events)
    assert proof_of(BOUND) in names(page)


@promise("BIND-2")
def test_a_form_that_is_sent_after_the_proofs_end_arrives_whole(page: Page) -> None:
    events = log_in_bound(page)
    let_the_proof_expire(page)
    form = {"key": "letter", "value": "x" * 5000}
    assert send(page, "POST", f"{BOUND}/lab/set", form).status == 200
    assert renewed(events)
    assert get(page, "letter", BOUND) == form["value"]
    assert who(page) == ADA


@promise("BIND-2")
def test_parallel_requests_after_the_proofs_end_cause_one_renewal(page: Page) -> None:
    events = log_in_bound(page)
    let_the_proof_expire(page)
    begin_all(page, "POST", [f"{BOUND}/lab/increment/count"] * PARALLEL)
    assert finish_all(page) == [200] * PARALLEL
    assert get(page, "count", BOUND) == PARALLEL
    assert renewed(events)
    assert len(events.of("challenge")) == len(events.of("refresh")) == 1


@core
@promise("BIND-2")
def test_a_websocket_after_the_proofs_end_has_the_session(page: Page) -> None:
    events = log_in_bound(page)
    let_the_proof_expire(page)
    assert open_chat(page, BOUND)["keys"]["email"] == ADA
    assert renewed(events)
    assert say(page, {"set": ["said", "hello"], "save": True}) == {"ok": True}
    assert get(page, "said", BOUND) == "hello"


def follow_a_link(page: Page, host: str, other: str) -> Steps:
    """Log in on one host, and come back by a link on the other one when the proof is over."""
    page.goto(UNTOUCHED)
    here, elsewhere = (urljoin(re.sub(r"//[^:/]+", f"//{name}", page.url), "/") for name in (host, other))
    page.goto(f"{here}{UNTOUCHED[1:]}")
    events = log_in_bound(page, at=f"{here}{BRIEF[1:]}")
    page.goto(f"{elsewhere}lab/post-to?url={here}{BRIEF[1:]}/login")
    yield PROOF_IS_OVER
    page.locator("#link").click()
    expect(page.locator("#logout-button")).to_have_text(f"Log out {ADA}")
    assert renewed(events)
    assert events.of("termination") == []


@promise("BIND-2")
@on_the_timeline
def test_a_link_from_another_site_finds_the_session_after_the_proofs_end(new_page: NewPage) -> Steps:
    yield from follow_a_link(new_page(), "127.0.0.1", "localhost")


@promise("BIND-2")
@on_the_timeline
def test_a_link_from_a_sibling_subdomain_does_too(new_page: NewPage) -> Steps:
    yield from follow_a_link(new_page(), "app.shop.test", "evil.shop.test")


@promise("BIND-2")
def test_a_login_that_another_site_leads_back_to_is_bound(page: Page, server: Server) -> None:
    """As with OpenID Connect: what the browser sends because of it carries no cookie with SameSite=Lax."""
    events = BindingEvents(page)
    state = send(page, "POST", f"{BOUND}/lab/provider/begin?email={ADA}").json["state"]
    page.goto(
        f"{at('localhost', server)}/lab/post-to?url={server.url}{BOUND}/lab/provider/callback?state={state}"
    )
    page.locator("#link").click()
    expect(page.locator("#logout-button")).to_have_text(f"Log out {ADA}")
    assert events.wait_for("creation")["succeeded"]
    page.goto(f"{BOUND}/")
    expect(page.locator("#inspector-device")).to_contain_text("bound; its proof lasts")


@core
@promise("BIND-2", "BIND-3")
def test_a_new_id_keeps_the_binding(page: Page) -> None:
    events = log_in_bound(page)
    (bound,) = events.of("creation")
    before = jar(page)["bound"]
    assert send(page, "POST", f"{BOUND}/lab/rotate").status == 200
    assert jar(page)["bound"] != before
    assert who(page) == ADA
    let_the_proof_expire(page)
    assert who(page) == ADA
    assert renewed(events) == bound["sessionId"]
    assert len(events.of("creation")) == 1
    assert events.of("termination") == []


@promise("BIND-3")
def test_a_login_as_somebody_else_is_a_binding_of_its_own(page: Page) -> None:
    events = log_in_bound(page, ADA)
    log_in(page, EVE, at=BOUND)
    first, second = events.of("creation")[0], events.wait_for("creation", 2)
    assert first["sessionId"] != second["sessionId"]
    let_the_proof_expire(page)
    assert who(page) == EVE
    assert renewed(events, second["sessionId"])


@promise("BIND-2", "BIND-3")
def test_a_logout_ends_the_binding_and_the_next_login_begins_one(page: Page) -> None:
    events = log_in_bound(page)
    page.goto(f"{BOUND}/login")
    page.locator("#logout-button").click()
    expect(page.locator("#login-form")).to_be_visible()
    assert {"bound", proof_of(BOUND)}.isdisjoint(names(page))
    assert who(page) is None
    assert events.wait_for("termination")["succeeded"]
    log_in(page, EVE, at=BOUND)
    second = events.wait_for("creation", 2)
    let_the_proof_expire(page)
    assert who(page) == EVE
    assert renewed(events, second["sessionId"])
