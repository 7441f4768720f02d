"""BAD-2: the store is away. Nobody is logged out by it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect
from support import KEY, Browser, Clock, Watched, answer, own, site

from sessions import Session, SessionError, SessionMiddleware, Store, StoreUnavailable

pytestmark = [pytest.mark.anyio, pytest.mark.promise("BAD-2")]


@pytest.fixture
def away() -> Watched:
    return Watched()


async def visitor(store: Watched, *handlers: Any, **options: Any) -> Browser:
    """A browser with a session, and then the store goes away."""
    browser = Browser(site(*handlers, store=store, **options))
    await browser.get("/write", user="ada")
    store.away = True
    return browser


async def test_without_a_cookie_and_without_a_touch_all_is_served(away: Watched) -> None:
    browser = await visitor(away)
    for url in ("/untouched", "/read", "/keys", "/message"):
        response = await Browser(browser.app).get(url)
        assert (response.status, response.error) == (200, None)


async def test_a_cookie_that_is_garbage_needs_no_store(away: Watched) -> None:
    browser = Browser((await visitor(away)).app)
    assert await browser.replayed("garbage") == {}


@pytest.mark.parametrize("url", ["/untouched", "/read", "/write?a=1", "/rotate", "/destroy"])
async def test_others_get_a_503_with_retry_after_and_keep_their_cookie(away: Watched, url: str) -> None:
    browser = await visitor(away)
    cookie = browser.cookie()
    response = await browser.get(url)
    assert response.status == 503
    assert response.error is None
    assert int(response.header("retry-after") or 0) > 0
    assert response.header("cache-control") == "no-store"
    assert response.set_cookies == []
    assert browser.cookie() == cookie


@pytest.mark.parametrize("url", ["/write?a=1", "/increment", "/flash?a=1"])
async def test_a_first_write_gets_it_too(away: Watched, url: str) -> None:
    away.away = True
    response = await Browser(site(store=away)).get(url)
    assert (response.status, response.error, response.set_cookies) == (503, None, [])
    assert response.header("retry-after")


@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_when_it_is_back_so_are_the_sessions(away: Watched, encryption_key: str | None) -> None:
    browser = await visitor(away, encryption_key=encryption_key)
    for url in ("/read", "/write?a=1", "/rotate", "/destroy", "/untouched"):
        assert (await browser.get(url)).status == 503
    away.away = False
    assert (await browser.get("/read")).json() == {"user": "ada"}
    await browser.get("/write", a="2")
    assert (await browser.get("/read")).json() == {"user": "ada", "a": "2"}


@pytest.mark.parametrize("url", ["/write_late?a=1", "/rotate_late", "/destroy_late"])
async def test_it_goes_away_between_reading_and_saving(away: Watched, url: str) -> None:
    async def write_late(request: Request) -> Response:
        away.away = True
        request.session["a"] = "1"
        return PlainTextResponse("never sent")

    async def rotate_late(request: Request) -> Response:
        away.away = True
        own(request).rotate()
        return PlainTextResponse("never sent")

    async def destroy_late(request: Request) -> Response:
        away.away = True
        own(request).destroy()
        return PlainTextResponse("never sent")

    browser = Browser(site(write_late, rotate_late, destroy_late, store=away))
    await browser.get("/write", user="ada")
    cookie = browser.cookie()
    response = await browser.get(url)
    assert (response.status, response.error) == (503, None)
    assert "never sent" not in response.text
    assert browser.cookie() == cookie
    away.away = False
    assert (await browser.get("/read")).json() == {"user": "ada"}


async def test_a_handler_that_saves_by_hand_may_answer_itself(away: Watched) -> None:
    async def careful(request: Request) -> Response:
        request.session["a"] = "1"
        away.away = True
        try:
            await own(request).save()
        except StoreUnavailable:
            own(request).destroy()
            away.away = False
            return answer("later, please", status_code=202)
        return answer()

    response = await Browser(site(careful, store=away)).get("/careful")
    assert (response.status, response.json(), response.set_cookies) == (202, "later, please", [])


@pytest.mark.parametrize("kind", [StoreUnavailable, SessionError])
async def test_the_apps_own_handler_answers_where_a_handler_of_it_met_the_fault(
    away: Watched, kind: type[Exception]
) -> None:
    async def by_hand(request: Request) -> Response:
        request.session["a"] = "1"
        await own(request).save()
        return answer()

    async def page(request: Request, fault: Exception) -> Response:
        own(request).destroy()
        return PlainTextResponse("our own page", 503)

    away.away = True
    browser = Browser(site(by_hand, store=away, exception_handlers={kind: page}))
    response = await browser.get("/by_hand")
    assert (response.status, response.text) == (503, "our own page")


@pytest.mark.parametrize("kind", [StoreUnavailable, SessionError])
async def test_it_answers_for_a_commit_that_fails_too(away: Watched, kind: type[Exception]) -> None:
    """Starlette takes a response whose start could not be sent for started, and raises another error."""

    async def page(request: Request, fault: Exception) -> Response:
        return PlainTextResponse("our own page", 503)

    away.away = True
    browser = Browser(site(store=away, exception_handlers={kind: page}))
    response = await browser.get("/write?a=1")
    assert (response.status, response.text, response.error) == (503, "our own page", None)
    assert response.set_cookies == []


async def test_a_stream_that_has_begun_ends_with_the_error(away: Watched) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        session["a"] = "1"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        away.away = True
        session["a"] = "2"
        await session.save()

    response = await Browser(SessionMiddleware(app, away)).get("/")
    assert (response.status, response.text) == (200, "1")
    assert isinstance(response.error, StoreUnavailable)


def test_a_websocket_is_closed_with_try_again_later(away: Watched) -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json(dict(socket.session))
        await socket.close()

    client = TestClient(site(store=away, routes=[WebSocketRoute("/ws", talk)]))
    client.get("/write", params={"user": "ada"})
    away.away = True
    with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/ws"):
        pass
    assert caught.value.code == 1013
    client.cookies.clear()
    with client.websocket_connect("/ws") as socket:
        assert socket.receive_json() == {}
    away.away = False
    client.get("/write", params={"user": "ada"})
    with client.websocket_connect("/ws") as socket:
        assert socket.receive_json() == {"user": "ada"}


async def test_the_log_says_so_once_a_request_and_shows_no_secret(
    away: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await visitor(away)
    cookie = browser.cookie() or ""
    with caplog.at_level(logging.DEBUG, "sessions"):
        await browser.get("/write", a="hunter2")
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert "the store is away" in line.getMessage()
    assert cookie not in caplog.text
    assert "hunter2" not in caplog.text


# -- away between two steps of one save ---------------------------------------------------------------


async def save_with_no_answer_to_the_first_load(session: Session, watched: Watched) -> None:
    """The save has met another request's write, and cannot read it; the next save can."""

    async def go_away(verb: str) -> None:
        watched.away = verb == "load"
        if watched.away:
            session.increment("n")  # of another task, while this one saves
            session["during"] = "1"

    watched.before = go_away
    with pytest.raises(StoreUnavailable):
        await session.save()
    watched.before, watched.away = None, False


@pytest.mark.promise("CONC-5")
async def test_a_save_that_could_not_read_keeps_all_for_the_next(store: Store, clock: Clock) -> None:
    watched = Watched(store)

    async def begin(request: Request) -> Response:
        request.session.update(n=1, cart=[1], same="1")
        own(request).flash("message", "hello")
        return answer()

    async def act(request: Request) -> Response:
        session = own(request)
        assert session["message"] == "hello"
        session["cart"].append(2)
        session["same"] = "1"
        session.increment("n")
        session.touch()
        await browser.get("/write?same=2")
        await browser.get("/increment")
        await save_with_no_answer_to_the_first_load(session, watched)
        session["cart"].append(3)
        session.increment("n")
        await session.save()
        return answer(session.expires_at and session.expires_at.timestamp())

    app = site(begin, act, store=watched, expire_after=100, auto_extend_expiration=False)
    browser = Browser(app)
    await browser.get("/begin")
    clock.go(50)
    assert (await browser.get("/act")).json() == clock.now + 100
    assert (await browser.get("/read")).json() == {
        "n": 5, "cart": [1, 2, 3], "same": "1", "during": "1",
    }  # fmt: skip


@pytest.mark.promise("ROT-6")
async def test_so_does_a_login_with_the_old_id(store: Store) -> None:
    watched = Watched(store)

    async def log_in(request: Request) -> Response:
        session = own(request)
        session.rotate()
        session.owner = "ada"
        session["logins"] = "1"
        if "again" in request.query_params:
            await save_with_no_answer_to_the_first_load(session, watched)
        return answer()

    browser = Browser(site(log_in, store=watched))
    await browser.get("/write", a="1")
    lost = browser.copy()
    await lost.get("/log_in")
    assert len((await browser.get("/log_in?again")).set_cookies) == 1
    assert browser.cookie() == lost.cookie()
    assert (await browser.get("/read")).json() == {"a": "1", "logins": "1", "n": 1, "during": "1"}
