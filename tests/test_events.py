"""SEC-6: each birth, login, new id, end and refusal is told, without a secret."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, answer, own, site

from sessions import CookieStore, Event, MemoryStore, Store

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SEC-6")]


async def log_in(request: Request) -> Response:
    own(request).owner = request.query_params["user"]
    return answer()


async def life(events: list[Event], **options: Any) -> Browser:
    browser = Browser(site(log_in, on_event=events.append, **options))
    for url in ("/read", "/write?a=1", "/read", "/write?a=2", "/rotate", "/log_in?user=ada", "/destroy"):
        await browser.get(url)
    return browser


async def test_a_life(store: Store) -> None:
    events: list[Event] = []
    await life(events, store=store)
    assert [(event.kind, event.owner) for event in events] == [
        ("began", None),
        ("rotated", None),
        ("login", "ada"),
        ("ended", "ada"),
    ]
    began, rotated, login, ended = events
    assert (rotated.former_key, login.former_key) == (began.key, rotated.key)
    assert ended.key == login.key
    assert len({began.key, rotated.key, login.key}) == 3
    assert {event.cookie_name for event in events} == {"session"}


async def test_with_the_cookie_store_there_is_no_key() -> None:
    events: list[Event] = []
    await life(events, store=CookieStore(), encryption_key=KEY)
    assert [event.kind for event in events] == ["began", "rotated", "login", "ended"]
    assert {event.key for event in events} == {None}


async def test_a_session_that_begins_with_a_login() -> None:
    events: list[Event] = []
    await Browser(site(log_in, on_event=events.append)).get("/log_in", user="ada")
    assert [event.kind for event in events] == ["began", "login"]


async def test_a_logout_by_the_owner_is_no_login() -> None:
    async def sign_out(request: Request) -> Response:
        own(request).owner = None
        return answer()

    events: list[Event] = []
    browser = Browser(site(log_in, sign_out, on_event=events.append))
    await browser.get("/log_in", user="ada")
    await browser.get("/sign_out")
    assert [event.kind for event in events] == ["began", "login", "rotated"]


@pytest.mark.parametrize(
    ("cookie", "reason"),
    [("garbage", "it is no session id"), ("A" * 43, "its session is over or unknown")],
)
async def test_a_refused_cookie(cookie: str, reason: str) -> None:
    events: list[Event] = []
    browser = Browser(site(on_event=events.append))
    browser.plant(cookie)
    await browser.get("/untouched")
    assert [(event.kind, event.reason) for event in events] == [("refused", reason)]


async def test_the_log_has_them_as_fields_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "sessions"):
        browser = Browser(site(log_in))
        await browser.get("/log_in", user="ada")
        cookie = browser.cookie() or ""
        await browser.get("/destroy")
    assert [record.getMessage() for record in caplog.records] == [
        "session began",
        "session login",
        "session ended",
    ]
    assert [vars(record)["session_event"] for record in caplog.records] == ["began", "login", "ended"]
    assert len({vars(record)["session_key"] for record in caplog.records}) == 1
    assert cookie not in str([vars(record) for record in caplog.records])


async def test_what_it_raises_harms_no_request(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("no metrics today")

    browser = Browser(site(on_event=broken, store=MemoryStore()))
    assert (await browser.get("/write", a="1")).status == 200
    assert (await browser.get("/read")).json() == {"a": "1"}
    assert "no metrics today" in caplog.text
