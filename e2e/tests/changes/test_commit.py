"""SAVE: when changes are kept, and when not."""

import time

import pytest
from playwright.sync_api import Page, expect

from e2e.browser.page import PATIENCE, get, put, send
from e2e.browser.websocket import open_chat, say
from e2e.promises import core, promise
from e2e.server.server import Server
from e2e.tests.cookies.test_cookies import only_extend


@core
@promise("SAVE-1")
def test_the_next_request_sees_the_change(page: Page) -> None:
    """The next request leaves as soon as the first byte of the response is there."""
    page.goto("/lab/untouched")
    seen = page.evaluate(
        """async () => {
            const seen = [];
            for (let number = 0; number < 20; number++) {
                await fetch(`/lab/set/number?value=${number}`, {method: "POST"});
                seen.push((await (await fetch("/lab/get/number", {cache: "no-store"})).json()).value);
            }
            return seen;
        }"""
    )
    assert seen == [str(number) for number in range(20)]


@promise("SAVE-1")
def test_a_redirect_sees_what_the_form_before_it_changed(page: Page) -> None:
    for attempt in range(1, 4):
        page.goto("/login")
        page.locator("#email").fill("ada@example.com")
        page.locator("#password").fill("wrong")
        page.locator("#login-button").click()
        expect(page.locator("#failed-login-attempts")).to_have_text(f"Failed login attempts: {attempt}")


@promise("SAVE-2")
def test_nothing_is_saved_when_the_handler_raises(page: Page) -> None:
    put(page, "colour", "green")
    for path in ("/lab/fail?key=colour&value=blue", "/lab/fail?key=shape&value=round"):
        failed = send(page, "POST", path)
        assert failed.status == 500
        assert failed.set_cookies == []
    assert send(page, "GET", "/lab/all").json == {"colour": "green"}


@promise("SAVE-2")
def test_no_session_is_born_when_the_handler_raises(page: Page) -> None:
    response = page.goto("/lab/fail?key=colour&value=blue")
    assert response
    assert response.status == 500
    assert page.context.cookies() == []


LATE = {"stream": "GET", "background": "POST"}


def begin_late(page: Page, kind: str, query: str) -> None:
    """How the response ends is not what these tests are about, and daphne leaves a broken stream open."""
    page.evaluate(
        """([method, path, patience]) => {
            fetch(path, {method, signal: AbortSignal.timeout(patience)})
            .then(answer => answer.text()).catch(() => null);
        }""",
        [LATE[kind], f"/lab/{kind}?key=late&value=changed&{query}", PATIENCE],
    )


@core
@promise("SAVE-3")
@pytest.mark.parametrize("kind", LATE)
def test_a_change_after_the_response_has_started_raises(page: Page, server: Server, kind: str) -> None:
    put(page, "colour", "green")
    begin_late(page, kind, f"save=0&token=save-3-{kind}-raises")
    assert server.wait_for_outcome(f"save-3-{kind}-raises") == "LateChange"
    assert send(page, "GET", "/lab/all").json == {"colour": "green"}


@core
@promise("SAVE-3: saved late")
@pytest.mark.parametrize("kind", LATE)
def test_a_change_after_the_response_has_started_can_be_saved(page: Page, server: Server, kind: str) -> None:
    put(page, "colour", "green")
    begin_late(page, kind, f"save=1&token=save-3-{kind}-saved")
    assert server.wait_for_outcome(f"save-3-{kind}-saved") == "saved"
    assert send(page, "GET", "/lab/all").json == {"colour": "green", "late": "changed"}


@core
@promise("SAVE-4")
def test_a_websocket_reads_the_session_of_its_handshake(page: Page) -> None:
    put(page, "colour", "green")
    assert open_chat(page) == {"keys": {"colour": "green"}}


@core
@promise("SAVE-4: saved late")
def test_a_websocket_writes_by_saving(page: Page) -> None:
    put(page, "colour", "green")
    open_chat(page)
    assert say(page, {"set": ["shape", "round"], "save": True}) == {"ok": True}
    assert say(page, {"set": ["size", "large"], "save": True}) == {"ok": True}
    assert send(page, "GET", "/lab/all").json == {"colour": "green", "shape": "round", "size": "large"}


@promise("SAVE-3", "SAVE-4")
def test_a_change_in_a_websocket_that_is_not_saved_raises(page: Page) -> None:
    put(page, "colour", "green")
    open_chat(page)
    assert say(page, {"set": ["shape", "round"], "save": False}) == {"error": "LateChange"}
    assert get(page, "shape") is None


@core
@promise("SAVE-6")
def test_an_error_page_below_500_keeps_the_changes(page: Page) -> None:
    assert send(page, "POST", "/lab/refuse/409?key=colour&value=green").status == 409
    assert get(page, "colour") == "green"


@core
@promise("SAVE-6")
def test_an_error_page_from_500_on_keeps_nothing(page: Page) -> None:
    born = time.monotonic()
    put(page, "colour", "green")
    lines: list[str] = []
    for change in ("key=colour&value=blue", "key=shape&value=round", "message=Too+busy"):
        failed = send(page, "POST", f"/lab/refuse/503?{change}")
        assert failed.status == 503
        lines += failed.set_cookies
    assert only_extend(lines, born)
    assert send(page, "GET", "/lab/all").json == {"colour": "green"}


@promise("SAVE-6", "FLASH-1")
def test_a_message_that_an_error_page_left_is_on_the_next_page(page: Page) -> None:
    page.goto("/lab")
    page.locator("#refuse-form").get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not like this")
    page.goto("/login")
    expect(page.locator("#message")).to_have_text("That name is taken.")
    page.reload()
    expect(page.locator("#login-button")).to_be_visible()
    expect(page.locator("#message")).to_have_count(0)


@promise("SAVE-7")
def test_a_chat_learns_what_another_tab_has_done(page: Page) -> None:
    put(page, "colour", "green")
    assert open_chat(page) == {"keys": {"colour": "green"}}
    other_tab = page.context.new_page()
    put(other_tab, "shape", "round")
    assert say(page, {"refresh": True}) == {"keys": {"colour": "green", "shape": "round"}}
    assert say(page, {"set": ["size", "large"], "save": True}) == {"ok": True}
    assert get(other_tab, "size") == "large"


@core
@promise("SAVE-7")
@pytest.mark.parametrize("end", ["destroy", "rotate"])
def test_a_chat_learns_that_its_session_is_over(page: Page, end: str) -> None:
    put(page, "colour", "green")
    open_chat(page)
    other_tab = page.context.new_page()
    send(other_tab, "POST", f"/lab/{end}")
    assert say(page, {"refresh": True}) == {"error": "SessionEnded"}
