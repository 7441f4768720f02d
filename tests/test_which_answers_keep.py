"""SAVE-6: the table "What is saved after an error" of docs/architecture.md, row by row."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from support import KEY, Browser, Gate, Reply, Trouble, Watched, answer, own, site

from sessions import CookieStore, LateChange, Session, StoreUnavailable

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SAVE-6")]


async def begin(request: Request) -> Response:
    own(request)["a"] = "1"
    own(request).flash("message", "hello")
    return answer()


# -- the columns: what a handler does to the session, and how a person sees that it was kept -----------


async def sets(session: Session) -> None:
    session["a"] = "2"


async def reads_a_flash(session: Session) -> None:
    assert session["message"] == "hello"


async def rotates(session: Session) -> None:
    session.rotate()


async def logs_out(session: Session) -> None:
    session.destroy()


async def saves(session: Session) -> None:
    session["a"] = "2"
    await session.save()


Act = Callable[[Session], Awaitable[None]]


async def was_kept(act: Act, before: Browser, after: Browser, on_server: bool) -> bool:
    """Whether the next requests show it. `before` has the cookies of before, `after` those of after."""
    if act is rotates or (act is logs_out and on_server):
        return bool((await before.get("/read")).json() == {})
    if act is logs_out:
        return after.cookie() is None
    if act is reads_a_flash:
        return (await after.get("/message")).json() is None
    return bool((await after.get("/read")).json().get("a") == "2")


# -- the rows: what becomes of the request --------------------------------------------------------------


@dataclass
class World:
    """What an outcome needs to come about."""

    browser: Browser
    store: Watched | None
    gate: Gate


Outcome = Callable[[World, Request], Awaitable[Response]]


def answers(status: int) -> Outcome:
    async def outcome(world: World, request: Request) -> Response:
        return answer(status_code=status)

    return outcome


async def raises(world: World, request: Request) -> Response:
    raise Trouble


async def raises_http(world: World, request: Request) -> Response:
    raise HTTPException(409)


async def raises_http_503(world: World, request: Request) -> Response:
    raise HTTPException(503)


async def raises_after_the_start(world: World, request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"1"
        raise Trouble

    return StreamingResponse(parts())


async def takes_too_long(world: World, request: Request) -> Response:
    with anyio.fail_after(0):
        await anyio.sleep_forever()
    raise AssertionError


async def loses_the_client(world: World, request: Request) -> Response:
    """The test cancels the request at the gate."""
    await world.gate.wait()
    raise AssertionError


async def meets_no_store(world: World, request: Request) -> Response:
    assert world.store
    world.store.away = True
    own(request)["b"] = "2"
    return answer()


async def meets_no_store_in_a_group(world: World, request: Request) -> Response:
    assert world.store
    world.store.away = True
    own(request)["b"] = "2"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(own(request).save)
    raise AssertionError


async def is_ended_by_another_request(world: World, request: Request) -> Response:
    await world.browser.copy().get("/destroy")
    return answer()


CHANGES: tuple[Act, ...] = (sets, reads_a_flash, rotates)
ALL: tuple[Act, ...] = (*CHANGES, logs_out, saves)
NO_CHANGES: tuple[Act, ...] = (logs_out, saves)

ROWS: dict[str, tuple[Outcome, int, tuple[Act, ...]]] = {
    "200": (answers(200), 200, ALL),
    "204": (answers(204), 204, ALL),
    "303": (answers(303), 303, ALL),
    "404": (answers(404), 404, ALL),
    "409": (answers(409), 409, ALL),
    "422": (answers(422), 422, ALL),
    "499": (answers(499), 499, ALL),
    "an http exception below 500": (raises_http, 409, ALL),
    "500": (answers(500), 500, NO_CHANGES),
    "503": (answers(503), 503, NO_CHANGES),
    "an http exception from 500 on": (raises_http_503, 503, NO_CHANGES),
    "raises": (raises, 500, NO_CHANGES),
    "takes too long": (takes_too_long, 500, NO_CHANGES),
    "the client is gone": (loses_the_client, 0, NO_CHANGES),
    "raises after the start": (raises_after_the_start, 200, ALL),
    "no store": (meets_no_store, 503, (saves,)),
    "no store in a task group": (meets_no_store_in_a_group, 503, (saves,)),
    "ended by another request": (is_ended_by_another_request, 200, (reads_a_flash, rotates, logs_out)),
}
"""Outcome, status, and what is kept. A session that is over has no flash value, and no id opens it."""

SERVER_ALONE = {"no store", "no store in a task group", "ended by another request"}
NEVER_ANSWERED = {"raises", "takes too long", "the client is gone"}
"""By the app; then a cookie store's save reaches nobody."""


def cannot_be(row: str, act: Act) -> bool:
    """With the cookie store: there is no store to be away, no id to be replaced, no browser to be told."""
    return (
        row in SERVER_ALONE
        or act is rotates
        or (act is saves and row in NEVER_ANSWERED)
        or (act is logs_out and row == "the client is gone")
    )


def cases() -> list[Any]:
    found = []
    for row in ROWS:
        for act in ALL:
            for kind in ("id", "content"):
                if kind == "id" or not cannot_be(row, act):
                    found.append(pytest.param(row, act, kind, id=f"{row}-{act.__name__}-{kind}"))
    return found


async def visit(browser: Browser, gate: Gate, row: str) -> Reply | None:
    """The answer; None if the client went away before there was one."""
    if row != "the client is gone":
        return await browser.get("/act")
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(browser.get, "/act")
            await gate.arrival()
            scope.cancel()
    return None


@pytest.mark.parametrize(("row", "act", "kind"), cases())
async def test_the_table(row: str, act: Act, kind: str) -> None:
    outcome, status, kept = ROWS[row]
    store = Watched() if kind == "id" else None
    gate = Gate()

    async def handler(request: Request) -> Response:
        await act(own(request))
        return await outcome(World(browser, store, gate), request)

    app = site(begin, store=store or CookieStore(), encryption_key=KEY)
    app.add_route("/act", handler)
    browser = Browser(app)
    await browser.get("/begin")
    before = browser.copy()
    reply = await visit(browser, gate, row)
    if reply is not None:
        assert reply.status == status
    if store:
        store.away = False
    assert await was_kept(act, before, browser, store is not None) == (act in kept)


# -- beside the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Watched, CookieStore])
@pytest.mark.parametrize("status", [400, 500])
async def test_what_the_apps_own_error_page_writes(
    kind: Callable[[], Any], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It is kept like the handler's changes: by the page's status, with a line in the log if it is not."""

    async def act(request: Request) -> Response:
        own(request)["a"] = "2"
        raise Trouble

    async def page(request: Request, error: Exception) -> Response:
        own(request).flash("message", "that went wrong")
        return answer(status_code=status)

    browser = Browser(site(begin, act, store=kind(), encryption_key=KEY, exception_handlers={Trouble: page}))
    await browser.get("/begin")
    assert (await browser.get("/act")).status == status
    kept = (await browser.get("/read")).json()
    if status == 400:
        assert kept == {"a": "2", "message": "that went wrong"}
        assert caplog.records == []
    else:
        assert kept == {"a": "1", "message": "hello"}
        assert [(record.levelno, "500" in record.getMessage()) for record in caplog.records] == [
            (logging.ERROR, True)
        ]


async def test_an_error_page_that_changes_nothing_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def act(request: Request) -> Response:
        return answer(dict(request.session), status_code=503)

    browser = Browser(site(begin, act))
    await browser.get("/begin")
    await browser.get("/act")
    assert caplog.records == []


async def test_a_session_that_another_request_ended_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def act(request: Request) -> Response:
        await is_ended_by_another_request(World(browser, None, Gate()), request)
        own(request)["a"] = "2"
        return answer()

    browser = Browser(site(begin, act))
    await browser.get("/begin")
    reply = await browser.get("/act")
    assert (reply.status, reply.set_cookies) == (200, [])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "ended by another request" in caplog.records[0].getMessage()


async def test_a_handler_that_catches_its_time_limit_answers_as_any_other() -> None:
    async def act(request: Request) -> Response:
        own(request)["a"] = "2"
        with anyio.move_on_after(0):
            await anyio.sleep_forever()
        return answer()

    browser = Browser(site(begin, act))
    await browser.get("/begin")
    assert (await browser.get("/act")).status == 200
    assert (await browser.get("/read")).json()["a"] == "2"


async def test_a_change_after_the_failure_is_refused() -> None:
    """By somebody who still holds the session when the exception has left the app."""
    held: list[Session] = []

    async def act(request: Request) -> Response:
        held.append(own(request))
        own(request)["a"] = "2"
        raise Trouble

    browser = Browser(site(begin, act))
    await browser.get("/begin")
    await browser.get("/act")
    for change in (sets, rotates, logs_out):
        with pytest.raises(LateChange, match="has failed"):
            await change(held[0])
    assert (await browser.get("/read")).json()["a"] == "1"


@pytest.mark.parametrize("mixed", [False, True])
async def test_a_store_that_is_away_in_a_group_with_other_errors_is_no_503(mixed: bool) -> None:
    store = Watched()

    async def fails() -> None:
        raise Trouble

    async def act(request: Request) -> Response:
        own(request)["a"] = "2"
        store.away = True
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(own(request).save)
            if mixed:
                tasks.start_soon(fails)
        raise AssertionError

    browser = Browser(site(begin, act, store=store))
    await browser.get("/begin")
    reply = await browser.get("/act")
    store.away = False
    assert reply.status == (500 if mixed else 503)
    assert reply.header("retry-after") == (None if mixed else "5")
    assert (await browser.get("/read")).json()["a"] == "1"


async def test_a_handler_that_catches_the_store_that_is_away_may_answer_itself() -> None:
    store = Watched()

    async def act(request: Request) -> Response:
        own(request)["a"] = "2"
        store.away = True
        with pytest.raises(StoreUnavailable):
            await own(request).save()
        return answer(status_code=500)

    browser = Browser(site(begin, act, store=store))
    await browser.get("/begin")
    assert (await browser.get("/act")).status == 500
    store.away = False
    assert (await browser.get("/read")).json()["a"] == "1"
