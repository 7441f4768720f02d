"""COOKIE-1 and SAVE-7: extensions of parallel requests, and sessions on connections that stay open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from support import (
    KEY,
    Browser,
    Clock,
    Crowd,
    Gate,
    Unsure,
    Watched,
    answer,
    attributes,
    overlapping,
    own,
    site,
    slow,
)

from sessions import CookieStore, MemoryStore, Record, Session, SessionEnded, Store, get_session

IDLE = 100


class Counted(Watched):
    """Counts the replacements that were made, not those that were refused."""

    replaced = 0

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        replaced = await super().replace(key, record, expected=expected)
        self.replaced += replaced
        return replaced


# -- COOKIE-1 ----------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-1", "COOKIE-3", "EXP-2")
@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_of_twenty_parallel_reads_one_extends_the_session(
    store: Store, clock: Clock, encryption_key: str | None
) -> None:
    crowd = Crowd(20)

    async def look(request: Request) -> Response:
        seen = dict(request.session)
        await crowd.wait()
        return answer(seen)

    counted = Counted(store)
    browser = Browser(site(look, store=counted, expire_after=IDLE, encryption_key=encryption_key))
    await browser.get("/write", a="1")
    clock.go(60)
    replies = await overlapping(browser, *["/look"] * 20)
    assert [reply.json() for reply in replies] == [{"a": "1"}] * 20
    (line,) = [line for reply in replies for line in reply.set_cookies]
    assert counted.replaced == 1
    max_age = int(attributes(line)["max-age"])
    assert IDLE <= max_age <= IDLE * 1.05  # the next refresh interval is paid for in advance
    clock.go(max_age - 1)
    assert (await browser.copy().get("/read")).json() == {"a": "1"}
    assert browser.cookie() is not None


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-1")
async def test_of_parallel_writers_too_and_each_of_them_is_saved(store: Store, clock: Clock) -> None:
    crowd = Crowd(20)

    async def put(request: Request) -> Response:
        own(request).increment("n")
        await crowd.wait()
        return answer()

    browser = Browser(site(put, store=store, expire_after=IDLE))
    await browser.get("/write", a="1")
    clock.go(60)
    replies = await overlapping(browser, *["/put"] * 20)
    assert sum(len(reply.set_cookies) for reply in replies) == 1
    assert (await browser.get("/read")).json() == {"a": "1", "n": 20}


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-1", "COOKIE-3")
async def test_one_that_was_slower_still_tells_what_only_it_knows(store: Store, clock: Clock) -> None:
    """A touch to the full timeout, after another request's extension."""
    gate = Gate()

    async def act(request: Request) -> Response:
        own(request).get("a")
        await gate.wait()
        clock.go(50)
        own(request).touch()
        return answer()

    browser = Browser(site(act, store=store, expire_after=IDLE))
    await browser.get("/write", a="1")
    clock.go(60)
    reply = await slow(gate, browser, "/act", lambda: browser.get("/read"))
    (line,) = reply.set_cookies
    assert int(attributes(line)["max-age"]) == IDLE


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-1")
async def test_a_lost_answer_does_not_lose_the_cookie(store: Store, clock: Clock) -> None:
    """The extension was written, nobody heard of it, and the save is made again: one has to tell."""
    unsure = Unsure(store)

    async def act(request: Request) -> Response:
        session = own(request)
        session["b"] = "1"
        unsure.lose("replace")
        try:
            await session.save()
        except Exception:
            await session.save()
        return answer()

    browser = Browser(site(act, store=unsure, expire_after=IDLE))
    await browser.get("/write", a="1")
    clock.go(60)
    reply = await browser.get("/act")
    (line,) = reply.set_cookies
    max_age = int(attributes(line)["max-age"])
    clock.go(max_age - 1)
    assert (await browser.get("/read")).json() == {"a": "1", "b": "1"}


# -- SAVE-7: streams ---------------------------------------------------------------------------------


Step = Callable[[Session], Awaitable[Any]]


def streaming(*steps: Step, outcomes: list[Any], meanwhile: Callable[[int], Awaitable[None]]) -> Any:
    """A response of several parts, with a step after each and something elsewhere before each."""

    async def stream(request: Request) -> Response:
        session = own(request)
        session.get("a")

        async def parts() -> AsyncIterator[bytes]:
            for number, step in enumerate(steps):
                yield b"."
                await meanwhile(number)
                try:
                    outcomes.append(await step(session))
                except SessionEnded as error:
                    outcomes.append(type(error))

        return StreamingResponse(parts())

    return stream


async def refreshed(session: Session) -> Any:
    await session.refresh()
    return dict(session)


async def kept_alive(session: Session) -> None:
    session.touch()
    await session.save()


async def saved(session: Session) -> None:
    await session.save()


@pytest.mark.anyio
@pytest.mark.promise("SAVE-7")
async def test_refresh_shows_what_others_have_saved(store: Store) -> None:
    outcomes: list[Any] = []
    urls = ["/write?a=2&b=1", "/increment", "/flash?message=hello", "/touch"]

    async def meanwhile(number: int) -> None:
        await browser.get(urls[number])

    handler = streaming(*[refreshed] * 4, outcomes=outcomes, meanwhile=meanwhile)
    browser = Browser(site(handler, store=store))
    await browser.get("/write", a="1")
    assert (await browser.get("/stream")).error is None
    first = {"a": "2", "b": "1"}
    assert outcomes == [
        first,
        {**first, "n": 1},
        {**first, "n": 1, "message": "hello"},
        {**first, "n": 1, "message": "hello"},
    ]


@pytest.mark.anyio
@pytest.mark.promise("SAVE-7")
async def test_refresh_keeps_what_is_not_saved_yet(store: Store) -> None:
    async def act(request: Request) -> Response:
        session = own(request)
        session["mine"] = "1"
        session["both"] = "mine"
        session.increment("n")
        cart = session["cart"] = ["bread"]
        session.forget("a")
        await browser.get("/write?both=elsewhere&other=1&a=2")
        await browser.get("/increment")
        await session.refresh()
        reply = answer(dict(session))
        cart.append("milk")
        return reply

    browser = Browser(site(act, store=store))
    await browser.get("/write", a="1")
    reply = await browser.get("/act")
    expected = {"mine": "1", "both": "mine", "n": 2, "cart": ["bread"], "other": "1"}
    assert reply.json() == expected
    assert (await browser.get("/read")).json() == {**expected, "cart": ["bread", "milk"]}


@pytest.mark.anyio
@pytest.mark.promise("SAVE-7")
@pytest.mark.parametrize("step", [refreshed, saved, kept_alive], ids=lambda step: step.__name__)
@pytest.mark.parametrize("end", ["/destroy", "/rotate", "expired"])
async def test_all_of_them_say_when_the_session_is_over_or_has_a_new_id(
    store: Store, clock: Clock, step: Step, end: str
) -> None:
    """Also where there is nothing to save: an open connection must not go on in a session that is over."""
    outcomes: list[Any] = []

    async def meanwhile(number: int) -> None:
        if number == 1:
            if end == "expired":
                clock.go(IDLE + 1)
            else:
                await browser.get(end)

    handler = streaming(step, step, step, outcomes=outcomes, meanwhile=meanwhile)
    browser = Browser(site(handler, store=store, expire_after=IDLE))
    await browser.get("/write", a="1")
    await browser.get("/stream")
    assert outcomes[0] != SessionEnded
    assert outcomes[1:] == [SessionEnded, SessionEnded]


@pytest.mark.anyio
@pytest.mark.promise("SAVE-7")
async def test_an_anonymous_request_has_nothing_to_refresh_or_to_save() -> None:
    store = Watched()

    async def act(request: Request) -> Response:
        await own(request).refresh()
        await own(request).save()
        return answer(dict(request.session))

    reply = await Browser(site(act, store=store)).get("/act")
    assert (reply.json(), reply.set_cookies) == ({}, [])
    assert store.calls == {}


@pytest.mark.anyio
@pytest.mark.promise("SAVE-7")
async def test_with_the_cookie_store_refresh_sees_to_the_expiry_alone(clock: Clock) -> None:
    outcomes: list[Any] = []

    async def meanwhile(number: int) -> None:
        if number == 0:
            await browser.get("/write", b="1")
        else:
            clock.go(IDLE + 1)

    handler = streaming(refreshed, refreshed, outcomes=outcomes, meanwhile=meanwhile)
    browser = Browser(site(handler, store=CookieStore(), encryption_key=KEY, expire_after=IDLE))
    await browser.get("/write", a="1")
    await browser.get("/stream")
    assert outcomes == [{"a": "1"}, SessionEnded]


@pytest.mark.anyio
@pytest.mark.promise("SAVE-7", "EXP-1")
@pytest.mark.parametrize("step", [kept_alive, refreshed], ids=lambda step: step.__name__)
async def test_a_stream_keeps_its_session_past_the_idle_timeout_by_touching_it(
    store: Store, clock: Clock, step: Step
) -> None:
    outcomes: list[Any] = []

    async def meanwhile(number: int) -> None:
        clock.go(IDLE * 0.75)

    handler = streaming(*[step] * 4, outcomes=outcomes, meanwhile=meanwhile)
    browser = Browser(site(handler, store=store, expire_after=IDLE))
    await browser.get("/write", a="1")
    cookie = browser.cookie()
    await browser.get("/stream")
    if step is kept_alive:
        assert outcomes == [None] * 4
        assert await browser.replayed(cookie) == {"a": "1"}
    else:  # without a touch it is over, as on any connection
        assert outcomes[-1] is SessionEnded
        assert await browser.replayed(cookie) == {}


# -- SAVE-7: websockets ------------------------------------------------------------------------------


@pytest.mark.promise("SAVE-7", "SAVE-4")
@pytest.mark.parametrize("touch", [True, False])
def test_a_websocket_keeps_its_session_past_the_idle_timeout(clock: Clock, touch: bool) -> None:
    async def talk(socket: WebSocket) -> None:
        session = get_session(socket)
        await socket.accept()
        async for text in socket.iter_text():
            try:
                if text == "touch":
                    session.touch()
                    await session.save()
                else:
                    await session.refresh()
                await socket.send_json(dict(session))
            except SessionEnded:
                await socket.send_json("over")

    store = MemoryStore()
    app = site(store=store, routes=[WebSocketRoute("/ws", talk)], expire_after=IDLE)
    with TestClient(app) as client:
        client.get("/write", params={"a": "1"})
        cookie = client.cookies["session"]
        with client.websocket_connect("/ws", headers={"cookie": f"session={cookie}"}) as socket:
            answers = []
            for _ in range(3):
                clock.go(IDLE * 0.75)
                socket.send_text("touch" if touch else "refresh")
                answers.append(socket.receive_json())
            alive = {"a": "1"}
            assert answers == ([alive] * 3 if touch else [alive, "over", "over"])
        client.cookies.clear()
        seen = client.get("/read", headers={"cookie": f"session={cookie}"}).json()
        assert seen == ({"a": "1"} if touch else {})


@pytest.mark.promise("SAVE-7", "SAVE-4")
@pytest.mark.parametrize("end", ["/destroy", "/rotate"])
def test_a_websocket_hears_that_its_session_is_over(end: str) -> None:
    async def talk(socket: WebSocket) -> None:
        session = get_session(socket)
        await socket.accept()
        async for _ in socket.iter_text():
            try:
                await session.save()
                await socket.send_text("alive")
            except SessionEnded:
                await socket.send_text("over")

    with TestClient(site(store=MemoryStore(), routes=[WebSocketRoute("/ws", talk)])) as client:
        client.get("/write", params={"a": "1"})
        with client.websocket_connect("/ws") as socket:
            socket.send_text("?")
            assert socket.receive_text() == "alive"
            client.get(end)
            socket.send_text("?")
            assert socket.receive_text() == "over"


@pytest.mark.anyio
@pytest.mark.promise("SAVE-7", "COOKIE-1")
async def test_the_next_response_tells_the_browser_what_a_stream_has_extended(
    store: Store, clock: Clock
) -> None:
    gate = Gate()

    async def stream(request: Request) -> Response:
        session = own(request)
        session.get("a")

        async def parts() -> AsyncIterator[bytes]:
            yield b"."
            await gate.wait()
            await kept_alive(session)
            yield b"."

        return StreamingResponse(parts())

    browser = Browser(site(stream, store=store, expire_after=IDLE, refresh_interval=0))
    await browser.get("/write", a="1")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(browser.get, "/stream")
        await gate.arrival()
        clock.go(90)
        gate.open()
    clock.go(5)
    (line,) = (await browser.get("/read")).set_cookies
    assert int(attributes(line)["max-age"]) == IDLE
    clock.go(90)
    assert (await browser.get("/read")).json() == {"a": "1"}
