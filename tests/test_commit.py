"""SAVE: when what a handler did is saved, and what happens to changes that come too late."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from support import KEY, Browser, Clock, Trouble, Watched, answer, own, site

from sessions import (
    CookieStore,
    CookieTooLarge,
    LateChange,
    MemoryStore,
    Session,
    SessionEnded,
    SessionMiddleware,
    Store,
    StoreUnavailable,
    get_session,
)

# -- SAVE-1, SAVE-2 ----------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("SAVE-1")
async def test_the_next_request_sees_it_from_the_first_byte_on(store: Store) -> None:
    seen = []

    async def stream(request: Request) -> Response:
        own(request).increment("n")

        async def parts() -> AsyncIterator[bytes]:
            yield b"1"
            yield b"2"

        return StreamingResponse(parts())

    browser = Browser(site(stream, store=store))

    async def ask() -> None:
        seen.append((await browser.get("/read")).json())

    for _ in range(3):
        response = await browser.request("GET", "/stream", on_start=ask)
        assert response.text == "12"
    assert seen == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.anyio
@pytest.mark.promise("SAVE-2")
class TestRaising:
    @pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
    async def test_nothing_of_the_handlers_changes_is_saved(self, kind: Callable[[], Any]) -> None:
        browser = Browser(site(store=kind(), encryption_key=KEY))
        response = await browser.get("/fail", a="2")
        assert isinstance(response.error, Trouble)
        assert response.set_cookies == []
        await browser.get("/write", a="1")
        assert (await browser.get("/fail", a="2", b="3")).set_cookies == []
        assert (await browser.get("/read")).json() == {"a": "1"}

    async def test_nothing_reaches_the_store(self) -> None:
        store = Watched()
        browser = Browser(site(store=store))
        await browser.get("/write", a="1")
        writes = store.writes
        await browser.get("/fail", a="2")
        assert store.writes == writes

    async def test_rotation_and_logout_neither(self, store: Store) -> None:
        async def rotate_and_fail(request: Request) -> Response:
            own(request).rotate()
            own(request)["cart"].append(1)
            raise Trouble

        async def begin(request: Request) -> Response:
            request.session["cart"] = []
            return answer()

        browser = Browser(site(rotate_and_fail, begin, store=store))
        await browser.get("/begin")
        cookie = browser.cookie()
        assert (await browser.get("/rotate_and_fail")).status == 500
        assert browser.cookie() == cookie
        assert (await browser.get("/read")).json() == {"cart": []}

    @pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
    async def test_an_extension_takes_nothing_along_that_changed_in_place(
        self, kind: Callable[[], Any], clock: Clock
    ) -> None:
        async def begin(request: Request) -> Response:
            request.session["cart"] = [1]
            return answer()

        async def append_and_fail(request: Request) -> Response:
            own(request)["cart"].append(2)
            return answer(status_code=500)

        browser = Browser(site(begin, append_and_fail, store=kind(), encryption_key=KEY, expire_after=10))
        await browser.get("/begin")
        clock.go(5)
        assert (await browser.get("/append_and_fail")).set_cookies
        assert (await browser.get("/read")).json() == {"cart": [1]}

    async def test_what_was_saved_by_hand_stays(self, store: Store) -> None:
        async def half(request: Request) -> Response:
            request.session["a"] = "2"
            await own(request).save()
            request.session["b"] = "2"
            raise Trouble

        browser = Browser(site(half, store=store))
        await browser.get("/write", a="1")
        assert (await browser.get("/half")).status == 500
        assert (await browser.get("/read")).json() == {"a": "2"}

    async def test_an_http_exception_is_the_apps_way_to_answer(self, store: Store) -> None:
        """Starlette turns it into a response inside of the middleware; a failed login counts like this."""

        async def log_in(request: Request) -> Response:
            own(request).increment("failures")
            raise HTTPException(401)

        browser = Browser(site(log_in, store=store))
        for number in (1, 2):
            assert (await browser.get("/log_in")).status == 401
            assert (await browser.get("/read")).json() == {"failures": number}

    async def test_a_handler_that_never_answers_saves_nothing(self, store: Store) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["session"]["a"] = 1

        watched = Watched(store)
        await Browser(SessionMiddleware(app, watched)).get("/")
        assert watched.writes == 0


@pytest.mark.anyio
@pytest.mark.promise("SAVE-1")
async def test_saving_before_the_response_carries_its_cookie(store: Store) -> None:
    async def early(request: Request) -> Response:
        request.session["a"] = "1"
        await own(request).save()
        return answer([own(request).is_new, own(request).id is None])

    browser = Browser(site(early, store=store))
    assert (await browser.get("/early")).json() == [True, False]
    assert (await browser.get("/read")).json() == {"a": "1"}


@pytest.mark.anyio
@pytest.mark.promise("SAVE-1")
async def test_with_the_cookie_store_saving_before_the_response_is_fine_too() -> None:
    async def early(request: Request) -> Response:
        request.session["a"] = "1"
        await own(request).save()
        request.session["b"] = "2"
        return answer()

    browser = Browser(site(early, store=CookieStore(), encryption_key=KEY))
    assert len((await browser.get("/early")).set_cookies) == 1
    assert (await browser.get("/read")).json() == {"a": "1", "b": "2"}


# -- SAVE-3 ------------------------------------------------------------------------------------------


def late_changes() -> dict[str, Callable[[Session], Any]]:
    """Every way to change a session with `{"a": "1", "cart": [1]}` in it."""
    return {
        "set": lambda session: session.set("a", "2"),
        "setitem": lambda session: session.__setitem__("b", "2"),
        "flash": lambda session: session.flash("b", "2"),
        "forget": lambda session: session.forget("a"),
        "del": lambda session: session.__delitem__("a"),
        "pop": lambda session: session.pop("a"),
        "clear": lambda session: session.clear(),
        "mapping update": lambda session: session.update({"a": "2"}),
        "update": lambda session: session.update("a", lambda _: "2"),
        "increment": lambda session: session.increment("n"),
        "flash read": lambda session: session.get("message"),
        "destroy": lambda session: session.destroy(),
        "in place": lambda session: session["cart"].append(2),
    }


MUST_BE_TOLD: list[tuple[str, Callable[[], Any]]] = [
    ("rotate", MemoryStore),
    ("rotate", CookieStore),
    ("touch", CookieStore),
    ("reauthenticate", MemoryStore),
    ("reauthenticate", CookieStore),
]


async def begin(request: Request) -> Response:
    request.session.update({"a": "1", "cart": [1]})
    own(request).flash("message", "hello")
    return answer()


async def everything(request: Request) -> Response:
    return answer([dict(request.session), own(request).owner])


def streaming(change: Callable[[Session], Any], outcome: list[Any], *, save: bool) -> Any:
    """A handler that changes the session between two parts of its response."""

    async def stream(request: Request) -> Response:
        session = own(request)

        async def parts() -> AsyncIterator[bytes]:
            yield b"1"
            try:
                change(session)
                outcome.append("changed")
                if save:
                    await session.save()
                    outcome.append("saved")
            except Exception as error:
                outcome.append(type(error))
                raise
            yield b"2"

        return StreamingResponse(parts())

    return stream


@pytest.mark.anyio
@pytest.mark.promise("SAVE-3")
@pytest.mark.parametrize("name", late_changes())
class TestLateChanges:
    async def test_are_kept_by_saving(self, store: Store, name: str) -> None:
        outcome: list[Any] = []
        change = late_changes()[name]
        browser = Browser(site(begin, everything, streaming(change, outcome, save=True), store=store))
        await browser.get("/begin")
        response = await browser.get("/stream")
        assert (response.text, response.error) == ("12", None)
        assert outcome == ["changed", "saved"]

        async def at_once(request: Request) -> Response:
            change(own(request))
            return answer()

        in_time = Browser(site(begin, at_once, everything))
        await in_time.get("/begin")
        unchanged = (await in_time.copy().get("/everything")).json()
        await in_time.get("/begin")
        await in_time.get("/at_once")
        changed = (await browser.get("/everything")).json()
        assert changed == (await in_time.get("/everything")).json()
        assert changed != unchanged

    async def test_raise_if_they_are_not_followed_up(self, store: Store, name: str) -> None:
        outcome: list[Any] = []
        browser = Browser(site(begin, streaming(late_changes()[name], outcome, save=False), store=store))
        await browser.get("/begin")
        response = await browser.get("/stream")
        assert isinstance(response.error, LateChange)
        assert "save()" in str(response.error)
        assert (await browser.get("/read")).json() == {"a": "1", "cart": [1], "message": "hello"}

    async def test_raise_with_the_cookie_store_at_once(self, name: str) -> None:
        outcome: list[Any] = []
        handler = streaming(late_changes()[name], outcome, save=True)
        browser = Browser(site(begin, handler, store=CookieStore(), encryption_key=KEY))
        await browser.get("/begin")
        response = await browser.get("/stream")
        assert isinstance(response.error, LateChange)
        assert outcome == ([LateChange] if name != "in place" else ["changed", LateChange])
        assert response.text == "1"
        assert (await browser.get("/read")).json() == {"a": "1", "cart": [1], "message": "hello"}

    async def test_raise_in_a_background_task(self, store: Store, name: str) -> None:
        async def later(request: Request) -> Response:
            return answer(background=BackgroundTask(late_changes()[name], own(request)))

        browser = Browser(site(begin, later, store=store))
        await browser.get("/begin")
        response = await browser.get("/later")
        assert isinstance(response.error, LateChange)
        assert (await browser.get("/read")).json() == {"a": "1", "cart": [1], "message": "hello"}

    async def test_are_kept_by_saving_in_a_background_task(self, store: Store, name: str) -> None:
        async def work(session: Session) -> None:
            late_changes()[name](session)
            await session.save()

        async def later(request: Request) -> Response:
            return answer(background=BackgroundTask(work, own(request)))

        browser = Browser(site(begin, later, everything, store=store))
        await browser.get("/begin")
        response = await browser.get("/later")
        assert response.error is None
        assert (await browser.get("/everything")).json() != [
            {"a": "1", "cart": [1], "message": "hello"},
            None,
        ]


@pytest.mark.anyio
@pytest.mark.promise("SAVE-3")
async def test_a_number_that_is_set_too_late_raises_like_any_value() -> None:
    outcome: list[Any] = []
    handler = streaming(lambda session: session.set("n", 1), outcome, save=True)
    browser = Browser(site(handler, store=CookieStore(), encryption_key=KEY))
    await browser.get("/write", n="0")
    assert isinstance((await browser.get("/stream")).error, LateChange)
    assert outcome == [LateChange]


@pytest.mark.anyio
@pytest.mark.promise("SAVE-3")
@pytest.mark.parametrize(("name", "kind"), MUST_BE_TOLD)
async def test_what_the_browser_would_have_to_learn_raises_at_once(
    kind: Callable[[], Any], name: str
) -> None:
    outcome: list[Any] = []
    handler = streaming(lambda session: getattr(session, name)(), outcome, save=True)
    browser = Browser(site(begin, handler, store=kind(), encryption_key=KEY))
    await browser.get("/begin")
    response = await browser.get("/stream")
    assert isinstance(response.error, LateChange)
    assert outcome == [LateChange]
    assert response.text == "1"


@pytest.mark.anyio
@pytest.mark.promise("SAVE-3")
@pytest.mark.parametrize("name", ["set", "increment", "update", "flash"])
async def test_a_session_cannot_begin_after_the_response_has(store: Store, name: str) -> None:
    outcome: list[Any] = []
    browser = Browser(site(streaming(late_changes()[name], outcome, save=True), store=store))
    response = await browser.get("/stream")
    assert isinstance(response.error, LateChange)
    assert outcome == [LateChange]
    assert (await browser.get("/read")).json() == {}


@pytest.mark.anyio
@pytest.mark.promise("SAVE-3")
async def test_reading_late_is_fine(store: Store) -> None:
    outcome: list[Any] = []
    handler = streaming(lambda session: outcome.append(dict(session, message=0)), outcome, save=False)
    browser = Browser(site(handler, store=store))
    await browser.get("/write", a="1")
    response = await browser.get("/stream")
    assert (response.text, response.error) == ("12", None)
    assert outcome == [{"a": "1", "message": 0}, "changed"]


@pytest.mark.anyio
@pytest.mark.promise("SAVE-3")
async def test_a_late_change_survives_parallel_ones(store: Store) -> None:
    async def stream(request: Request) -> Response:
        session = own(request)

        async def parts() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"."
                session.increment("n")
                await browser.get("/increment")
                await session.save()

        return StreamingResponse(parts())

    browser = Browser(site(stream, store=store))
    await browser.get("/write", a="1")
    assert (await browser.get("/stream")).error is None
    assert (await browser.get("/read")).json() == {"a": "1", "n": 6}


# -- a commit that fails -----------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("SEAL-4", "SAVE-2")
async def test_after_a_failed_commit_an_error_page_goes_out_without_the_changes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        if scope["path"] == "/large":
            session["a"] = "x" * 5000
            response: Response = PlainTextResponse("fine")
            try:
                await response(scope, receive, send)
            except CookieTooLarge:
                response = PlainTextResponse("too large", 413)
                await response(scope, receive, send)
            return
        if scope["path"] == "/write":
            session["a"] = "1"
        await JSONResponse(dict(session))(scope, receive, send)

    browser = Browser(SessionMiddleware(app, CookieStore(max_bytes=600), KEY))
    await browser.get("/write")
    response = await browser.get("/large")
    assert (response.status, response.text, response.set_cookies) == (413, "too large", [])
    assert (await browser.get("/read")).json() == {"a": "1"}


@pytest.mark.anyio
@pytest.mark.promise("BAD-2: while a handler saves")
async def test_changes_that_could_not_be_saved_are_still_pending(store: Store) -> None:
    watched = Watched(store)

    async def persistent(request: Request) -> Response:
        own(request).increment("n")
        own(request).rotate()
        watched.away = True
        with pytest.raises(StoreUnavailable):
            await own(request).save()
        watched.away = False
        await browser.get("/write?meanwhile=1")
        await own(request).save()
        return answer()

    browser = Browser(site(persistent, store=watched))
    await browser.get("/write", a="1")
    before = browser.copy()
    assert (await browser.get("/persistent")).status == 200
    assert (await browser.get("/read")).json() == {"a": "1", "meanwhile": "1", "n": 1}
    assert (await before.get("/read")).json() == {}


# -- SAVE-4: websockets ------------------------------------------------------------------------------


def sockets(store: Any, talk: Any, **options: Any) -> TestClient:
    """`talk(socket, session)` is what the app does with a websocket."""

    async def endpoint(socket: WebSocket) -> None:
        await talk(socket, get_session(socket))

    routes = [WebSocketRoute("/ws", endpoint)]
    return TestClient(site(begin, store=store, encryption_key=KEY, routes=routes, **options))


@pytest.mark.promise("SAVE-4")
@pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
def test_the_handshakes_session_is_there_to_read(kind: Callable[[], Any]) -> None:
    async def talk(socket: WebSocket, session: Session) -> None:
        await socket.accept()
        await socket.send_json([session["a"], socket.session["cart"], session.is_new])
        await socket.close()

    with sockets(kind(), talk) as client:
        client.get("/begin")
        with client.websocket_connect("/ws") as socket:
            assert socket.receive_json() == ["1", [1], False]


@pytest.mark.promise("SAVE-4")
def test_saving_writes() -> None:
    async def talk(socket: WebSocket, session: Session) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            session["said"] = text
            session["cart"].append(len(text))
            await session.save()
            number = session.increment("n")
            await session.save()
            await socket.send_json(number)

    with sockets(MemoryStore(), talk) as client:
        client.get("/begin")
        with client.websocket_connect("/ws") as socket:
            for number, text in enumerate(["one", "three"], 1):
                socket.send_text(text)
                client.get("/increment")
                assert socket.receive_json() in range(2 * number - 1, 2 * number + 1)
        kept = client.get("/read").json()
        assert kept["said"] == "three"
        assert kept["cart"] == [1, 3, 5]
        assert kept["n"] == 4


@pytest.mark.promise("SAVE-3", "SAVE-4")
@pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
@pytest.mark.parametrize("name", late_changes())
def test_a_websockets_change_that_is_not_saved_raises(kind: Callable[[], Any], name: str) -> None:
    async def talk(socket: WebSocket, session: Session) -> None:
        await socket.accept()
        late_changes()[name](session)
        await socket.send_text("sent")
        await socket.close()

    client = sockets(kind(), talk)
    client.get("/begin")
    with pytest.raises(LateChange), client.websocket_connect("/ws") as socket:  # noqa: PT012 (raised at its end)
        socket.receive_text()
        socket.receive_text()
    assert client.get("/read").json() == {"a": "1", "cart": [1], "message": "hello"}


@pytest.mark.promise("SAVE-4", "COOKIE-1")
@pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
def test_the_handshakes_answer_carries_a_new_sessions_cookie(kind: Callable[[], Any]) -> None:
    async def talk(socket: WebSocket, session: Session) -> None:
        session["a"] = "new"
        await socket.accept()
        await socket.close()

    client = sockets(kind(), talk)
    with client.websocket_connect("/ws") as socket:
        headers: list[tuple[bytes, bytes]] = list(socket.extra_headers or ())
    names = [name for name, _ in headers]
    assert names.count(b"set-cookie") == 1
    assert (b"vary", b"Cookie") in headers
    cookie = dict(headers)[b"set-cookie"].decode().partition(";")[0]
    assert client.get("/read", headers={"cookie": cookie}).json() == {"a": "new"}


@pytest.mark.promise("SAVE-4")
def test_a_session_that_ended_meanwhile_says_so() -> None:
    async def talk(socket: WebSocket, session: Session) -> None:
        await socket.accept()
        await socket.receive_text()
        session["late"] = "1"
        try:
            await session.save()
        except SessionEnded:
            await socket.send_text("ended")
        await socket.close()

    with sockets(MemoryStore(), talk) as client:
        client.get("/begin")
        with client.websocket_connect("/ws") as socket:
            client.get("/destroy")
            socket.send_text("now")
            assert socket.receive_text() == "ended"
        assert client.get("/read").json() == {}


@pytest.mark.promise("SAVE-4")
def test_a_plain_asgi_websocket_has_it_in_its_scope() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": repr(dict(scope["session"]))})
            await send({"type": "websocket.close"})

    with TestClient(SessionMiddleware(app, MemoryStore())).websocket_connect("/") as socket:
        assert socket.receive_text() == "{}"


@pytest.mark.anyio
@pytest.mark.promise("SAVE-2")
@pytest.mark.parametrize("change", ["write", "rotate"])
async def test_the_middleware_around_the_whole_app_saves_nothing_of_a_handler_that_raises(
    change: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Then the framework's own 500 page comes by, with no exception in sight yet."""

    async def fail(request: Request) -> Response:
        session = own(request)
        session.get("message")
        {"write": lambda: session.set("a", "2"), "rotate": session.rotate}[change]()
        raise Trouble

    async def begin(request: Request) -> Response:
        own(request).set("a", "1")
        own(request).flash("message", "hello")
        return answer()

    async def read(request: Request) -> Response:
        return answer(dict(own(request)))

    inner = Starlette(routes=[Route("/begin", begin), Route("/fail", fail), Route("/read", read)])
    browser = Browser(SessionMiddleware(inner, MemoryStore()))
    await browser.get("/begin")
    cookie = browser.cookie()
    assert (await browser.get("/fail")).status == 500
    assert browser.cookie() == cookie
    assert (await browser.get("/read")).json() == {"a": "1", "message": "hello"}
