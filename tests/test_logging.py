"""What is logged shows no secret: no id, no cookie, no key, no value."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Watched, answer, own, site

from sessions import CookieStore, MemoryStore, SessionEnded, errors

pytestmark = [pytest.mark.anyio, pytest.mark.promise("BAD-1: nothing of a session shows in logs")]

SECRET = "hunter2"


async def spoil(request: Request) -> Response:
    request.session["password"] = {SECRET: SECRET, "bad": object()}
    return answer()


async def large(request: Request) -> Response:
    request.session["password"] = SECRET * 5000
    return answer()


async def end_and_write(request: Request) -> Response:
    store = request.app.state.store
    request.session["password"] = SECRET
    for key in list(getattr(store, "_records", ())):
        await store.delete(key)
    return answer()


async def wrong_number(request: Request) -> Response:
    request.session["password"] = SECRET
    own(request).increment("password")
    return answer()


async def late(request: Request) -> Response:
    async def background() -> None:
        request.session["password"] = SECRET

    response = answer()
    response.background = background  # type: ignore[assignment]
    return response


STEPS = [
    "/write?password=hunter2",
    "/spoil",
    "/large",
    "/wrong_number",
    "/fail?password=hunter2",
    "/late",
    "/rotate",
    "/end_and_write",
    "/write?password=hunter2",
    "/destroy",
]


@pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_nothing_that_goes_wrong_logs_a_secret(
    kind: Callable[[], Any], encryption_key: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    if kind is CookieStore and encryption_key is None:
        encryption_key = KEY
    store = kind()
    app = site(
        spoil,
        large,
        end_and_write,
        wrong_number,
        late,
        store=store,
        encryption_key=encryption_key,
        expire_after=9,
    )
    app.state.store = store
    browser = Browser(app)
    cookies = set()
    messages = []
    with caplog.at_level(logging.DEBUG, "sessions"):
        for step in STEPS:
            response = await browser.get(step)
            cookies |= set(browser.sent("/").values())
            error = response.error
            while error:
                messages.append(str(error))
                if type(error).__module__.startswith("sessions"):
                    messages.append("".join(traceback.format_exception_only(error)))
                error = error.__cause__ if isinstance(error.__cause__, Exception) else None
        for cookie in list(cookies):
            for tampered in (cookie[:-1], cookie + "A", cookie[::-1]):
                cookies.add(tampered)
                await Browser(app).replayed(tampered)
    messages += [record.getMessage() for record in caplog.records]
    assert len(messages) > 5
    for message in messages:
        for secret in (SECRET, KEY, *cookies):
            assert secret not in message


async def test_a_change_that_came_too_late_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    app = site(end_and_write, store=store)
    app.state.store = store
    browser = Browser(app)
    await browser.get("/write", a="1")
    response = await browser.get("/end_and_write")
    assert (response.status, response.set_cookies) == (200, [])
    (line,) = caplog.records
    assert (line.name, line.levelno) == ("sessions", logging.WARNING)
    assert "not saved" in line.getMessage()


async def test_good_weather_logs_events_alone(caplog: pytest.LogCaptureFixture) -> None:
    browser = Browser(site(store=Watched(), expire_after=100, encryption_key=KEY))
    with caplog.at_level(logging.DEBUG, "sessions"):
        for url in ("/read", "/write?a=1", "/read", "/increment", "/rotate", "/touch", "/destroy", "/read"):
            assert (await browser.get(url)).error is None
    assert {record.name for record in caplog.records} == {"sessions.events"}
    assert {record.levelno for record in caplog.records} == {logging.INFO}


async def test_errors_are_one_tree() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) == 8
    assert all(issubclass(kind, errors.SessionError) for kind in kinds)
    assert SessionEnded in kinds
