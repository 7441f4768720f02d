"""SAVE: when changes are kept, and when not."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.browsing import PATIENCE, get, put, send
from e2e.promises import core, promise
from e2e.server import Server


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


def websocket(page: Page, messages: list[dict[str, Any]]) -> list[Any]:
    """Send these one by one; the server's greeting and its answers."""
    answers: list[Any] = page.evaluate(
        """([messages, patience]) => new Promise((resolve, reject) => {
            setTimeout(() => reject("the websocket is silent"), patience);
            const socket = new WebSocket(`${location.origin.replace("http", "ws")}/lab/ws`);
            const answers = [];
            socket.onmessage = event => {
                answers.push(JSON.parse(event.data));
                if (messages.length) socket.send(JSON.stringify(messages.shift()));
                else { socket.close(); resolve(answers) }
            };
            socket.onclose = () => resolve(answers);
            socket.onerror = () => reject("the websocket failed");
        })""",
        [messages, PATIENCE],
    )
    return answers


@core
@promise("SAVE-4")
def test_a_websocket_reads_the_session_of_its_handshake(page: Page) -> None:
    put(page, "colour", "green")
    assert websocket(page, []) == [{"keys": {"colour": "green"}}]


@core
@promise("SAVE-4: saved late")
def test_a_websocket_writes_by_saving(page: Page) -> None:
    put(page, "colour", "green")
    answers = websocket(
        page, [{"set": ["shape", "round"], "save": True}, {"set": ["size", "large"], "save": True}]
    )
    assert answers[1:] == [{"ok": True}, {"ok": True}]
    assert send(page, "GET", "/lab/all").json == {"colour": "green", "shape": "round", "size": "large"}


@promise("SAVE-3", "SAVE-4")
def test_a_change_in_a_websocket_that_is_not_saved_raises(page: Page) -> None:
    put(page, "colour", "green")
    (_, answer) = websocket(page, [{"set": ["shape", "round"], "save": False}])
    assert answer == {"error": "LateChange"}
    assert get(page, "shape") is None
