"""MOVE-1: what holds for the cookies of all libraries. Starlette's stands for them."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import itsdangerous
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from support import KEY, Browser, Clock, Network, Reply, Trouble, Unsure, Watched, answer, own, site

from sessions import (
    CookieStore,
    Event,
    MemoryStore,
    SessionMiddleware,
    SQLiteStore,
    Store,
    StoreUnavailable,
    get_session,
)
from sessions.moving import OldSession, Refused, StarletteCookie

from .old_apps import SECRET, VALUES, browser_for, each_kind, is_refused, owner

pytestmark = [pytest.mark.anyio, pytest.mark.promise("MOVE-1")]

OLD = "old"
"""The name of the old cookie, where it has another one than ours."""


def old_cookie(values: Any = VALUES, secret: str = SECRET) -> str:
    """As Starlette's `SessionMiddleware` writes it; `test_starlette.py` asks Starlette itself."""
    text = base64.b64encode(json.dumps(values).encode())
    return itsdangerous.TimestampSigner(secret).sign(text).decode()


def starlettes(name: str = OLD, **options: Any) -> StarletteCookie:
    return StarletteCookie(SECRET, name, owner=owner, **options)


def moving(store: Any = None, *handlers: Any, name: str = OLD, **options: Any) -> Browser:
    """A browser with an old cookie, at our app."""
    adopt = [starlettes(name)]
    browser = Browser(
        site(*handlers, store=MemoryStore() if store is None else store, adopt=adopt, **options)
    )
    browser.plant(old_cookie(), name)
    return browser


async def living(store: Store) -> int:
    return len(await store.sessions_of("7"))


# -- once --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["session", OLD])
async def test_ten_first_requests_at_the_same_time_share_one_session(store: Store, name: str) -> None:
    browser = moving(store, name=name)
    others = [browser.copy() for _ in range(10)]
    replies: list[Reply] = []

    async def visit(other: Browser, number: int) -> None:
        replies.append(await other.get(f"/increment?key=n{number % 2}"))

    async with anyio.create_task_group() as tasks:
        for number, other in enumerate(others):
            tasks.start_soon(visit, other, number)
    assert {reply.status for reply in replies} == {200}
    assert len({other.cookie() for other in others}) == 1
    assert await living(store) == 1
    assert (await others[3].get("/read")).json() == {**VALUES, "n0": 5, "n1": 5}


async def test_a_first_request_that_comes_while_another_is_at_work(store: Store) -> None:
    network = Network(site(store=store, adopt=[starlettes()]))
    browser = Browser(network)
    browser.plant(old_cookie(), OLD)
    gate = network.hold_back("a=1")
    second = browser.copy()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(browser.get, "/write?a=1")
        await gate.arrival()
        assert (await second.get("/read")).json() == {**VALUES, "a": "1"}
        gate.open()
    assert second.cookie() == browser.cookie()


async def test_the_answer_was_lost_and_the_browser_comes_with_the_old_cookie_again(store: Store) -> None:
    browser = moving(store)
    before = browser.copy()
    await browser.get("/write?a=1")
    assert (await before.get("/read")).json() == {**VALUES, "a": "1"}
    assert before.cookie() == browser.cookie()
    assert before.cookie(OLD) is None
    assert await living(store) == 1


@pytest.mark.parametrize("steps", range(1, 9))
async def test_a_logout_beside_it_holds_whenever_it_comes(steps: int) -> None:
    """Another request of the browser adopts the session and logs out, after so many steps of the store."""
    store = Watched()
    browser = moving(store)
    thief = browser.copy()
    left = steps

    async def between(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            store.before = None
            other = browser.copy()
            await other.get("/read")
            await other.get("/destroy")

    store.before = between
    await browser.get("/write?a=1")
    store.before = None
    if left <= 0:
        assert await living(store) == 0
    assert (await thief.get("/read")).json() == ({} if left <= 0 else {**VALUES, "a": "1"})


@pytest.mark.parametrize("verb", ["create", "load", "delete"])
@pytest.mark.parametrize("number", [1, 2])
async def test_an_answer_of_the_store_is_lost(verb: str, number: int) -> None:
    store = Unsure()
    browser = moving(store)
    store.lose(verb, number)
    first = await browser.get("/increment")
    assert first.status in (200, 503)
    if first.status == 503:
        assert browser.cookie(OLD)
        await browser.get("/increment")
    assert (await browser.get("/read")).json() == {**VALUES, "n": 1}


async def test_a_save_that_is_tried_again_begins_one_session() -> None:
    store = Unsure()

    async def insist(request: Request) -> Response:
        own(request)["a"] = 1
        for _ in range(2):
            with suppress(StoreUnavailable):
                await own(request).save()
        return answer()

    browser = moving(store, insist)
    store.lose("create", 2)
    assert (await browser.get("/insist")).status == 200
    assert await living(store) == 1
    assert (await browser.get("/read")).json() == {**VALUES, "a": 1}


# -- who has an old cookie ---------------------------------------------------------------------------


async def test_after_a_logout_the_old_cookie_opens_nothing(store: Store) -> None:
    browser = moving(store)
    thief = browser.copy()
    await browser.get("/read")
    await browser.get("/destroy")
    assert (await thief.get("/read")).json() == {}
    assert thief.cookie(OLD) is None


@each_kind
@pytest.mark.parametrize("name", ["session", OLD])
async def test_a_logout_in_the_first_request(kind: Callable[[], dict[str, Any]], name: str) -> None:
    options = kind()
    browser = moving(name=name, **options)
    thief = browser.copy()
    await browser.get("/destroy")
    assert browser.jar == {}
    assert (await browser.get("/read")).json() == {}
    if not isinstance(options["store"], CookieStore):
        assert await living(options["store"]) == 0
        assert (await thief.get("/read")).json() == {}


async def test_a_logout_in_the_first_request_holds_though_its_page_fails(store: Store) -> None:
    async def leave(request: Request) -> Response:
        own(request).destroy()
        raise Trouble

    browser = moving(store, leave)
    await browser.get("/leave")
    assert await living(store) == 0
    assert (await browser.get("/read")).json() == {}


async def test_an_old_cookie_of_a_session_with_a_newer_id(caplog: pytest.LogCaptureFixture) -> None:
    events: list[Event] = []
    browser = moving(on_event=events.append)
    thief = browser.copy()
    await browser.get("/rotate")
    events.clear()
    caplog.set_level(logging.INFO, "sessions")
    assert (await thief.get("/read")).json() == {}
    assert [(event.kind, event.reason) for event in events] == [("refused", "its session has a newer id")]


async def test_nobody_follows_a_login_with_an_old_cookie_that_was_planted(store: Store) -> None:
    """The attacker's own old cookie, in the victim's browser."""

    async def log_in(request: Request) -> Response:
        own(request).owner = "victim"
        own(request)["secret"] = 1
        return answer()

    victim = moving(store, log_in)
    attacker = victim.copy()
    await victim.get("/log_in")
    assert (await victim.get("/read")).json() == {"secret": 1}
    assert (await attacker.get("/read")).json() == {}
    second = moving(store, log_in)
    await second.get("/read")
    await second.get("/log_in")
    assert (await attacker.get("/read")).json() == {}


@pytest.mark.promise("ROT-2", "ROT-5")
@pytest.mark.parametrize("url", ["/increment", "/read"])
@pytest.mark.parametrize("steps", range(1, 5))
async def test_a_first_request_beside_a_login(steps: int, url: str) -> None:
    """As beside a login with an id of ours: what it writes is there, and it sends no cookie."""
    store = Watched()

    async def log_in(request: Request) -> Response:
        own(request).reauthenticate()
        return answer()

    browser = moving(store, log_in)
    slow = browser.copy()
    left = steps

    async def between(name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            store.before = None
            assert (await browser.get("/log_in")).status == 200

    store.before = between
    reply = await slow.get(url)
    store.before = None
    assert reply.status == 200
    assert left <= 0 or url == "/read"
    if left <= 0:
        assert not [line for line in reply.set_cookies if line.startswith("session=")]
        written = {"n": 1} if url == "/increment" else {}
        assert (await browser.get("/read")).json() == {**VALUES, **written}


@pytest.mark.promise("ROT-6")
async def test_the_answer_to_a_login_in_the_first_request_was_lost(store: Store) -> None:
    async def log_in(request: Request) -> Response:
        own(request).owner = "7"
        own(request).reauthenticate()
        own(request).setdefault("logins", []).append("again")
        return answer()

    browser = moving(store, log_in)
    lost = browser.copy()
    await lost.get("/log_in")
    await browser.get("/log_in")
    assert browser.cookie() == lost.cookie()
    assert (await browser.get("/read")).json() == {**VALUES, "logins": ["again"]}


async def test_another_spelling_of_the_cookie_is_the_same_session(store: Store) -> None:
    browser = moving(store)
    value = browser.cookie(OLD)
    assert value
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spelled = value[:-1] + letters[letters.index(value[-1]) ^ 1]
    thief = browser.copy()
    thief.plant(spelled, OLD)
    await browser.get("/read")
    await browser.get("/destroy")
    assert (await thief.get("/read")).json() == {}


async def test_the_end_of_a_users_sessions_ends_what_has_moved_in(store: Store) -> None:
    browser = moving(store)
    thief = browser.copy()
    await browser.get("/read")
    assert await store.destroy_all("7") == 1
    assert (await thief.get("/read")).json() == {}


async def test_what_is_remembered_of_a_cookie_goes_with_it(clock: Clock) -> None:
    store = MemoryStore()
    browser = moving(store, expire_after=60)
    thief = browser.copy()
    await browser.get("/read")
    clock.go(14 * 24 * 60 * 60 - 5)
    assert (await thief.copy().get("/read")).json() == {}
    assert await store.purge() == 1
    clock.go(5 + 61)
    assert await store.purge() == 1
    assert (await thief.get("/read")).json() == {}


async def test_two_sessions_of_one_name_open_none(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    browser = moving(store)
    browser.plant(old_cookie({"user_id": 666}), OLD, path="/r")
    assert (await browser.get("/read")).json() == {}
    assert "it came with several sessions" in caplog.text
    assert await living(store) == 0


# -- the first request -------------------------------------------------------------------------------


async def test_into_a_cookie_that_is_shared_with_another_library() -> None:
    browser = moving(CookieStore(shared_with="hono-sessions"), encryption_key=KEY)
    assert (await browser.get("/read")).json() == VALUES
    assert list(browser.jar) == [("session", "", "/")]
    assert (await browser.get("/read")).json() == VALUES


@each_kind
@pytest.mark.parametrize("name", ["session", OLD])
@pytest.mark.parametrize("url", ["/untouched", "/read", "/write?a=1", "/rotate", "/touch", "/increment"])
async def test_whatever_it_does(kind: Callable[[], dict[str, Any]], name: str, url: str) -> None:
    browser = moving(name=name, **kind())
    first = await browser.get(url)
    assert first.status == 200
    assert first.header("vary") == "Cookie"
    assert first.header("cache-control") == "private"
    assert list(browser.jar) == [("session", "", "/")]
    changes: dict[str, dict[str, Any]] = {"/write?a=1": {"a": "1"}, "/increment": {"n": 1}}
    assert (await browser.get("/read")).json() == {**VALUES, **changes.get(url, {})}


async def test_what_the_handler_is_told() -> None:
    async def facts(request: Request) -> Response:
        session = own(request)
        return answer([session.is_new, session.owner, session.id, session.key, session.authenticated_at])

    browser = moving(None, facts)
    assert (await browser.get("/facts")).json() == [False, "7", None, None, None]


@each_kind
@pytest.mark.parametrize("name", ["session", OLD])
async def test_a_response_that_fails_writes_nothing(kind: Callable[[], dict[str, Any]], name: str) -> None:
    async def broken(request: Request) -> Response:
        own(request)["a"] = 1
        return PlainTextResponse("broken", status_code=500)

    store = Watched()
    options = {**kind()}
    if not isinstance(options["store"], CookieStore):
        options["store"] = store
    browser = moving(options.pop("store"), broken, name=name, **options)
    before = dict(browser.jar)
    for url in ("/broken", "/fail?a=1"):
        failed = await browser.get(url)
        assert (failed.status, failed.set_cookies) == (500, [])
        assert store.writes == 0
        assert browser.jar == before
    assert (await browser.get("/read")).json() == VALUES
    assert browser.cookie(OLD) is None


async def test_a_response_that_fails_removes_no_old_cookie_with_those_of_no_use() -> None:
    """Beside it there are two useless ones of our name, and an old one whose session is over."""

    async def broken(request: Request) -> Response:
        return PlainTextResponse("broken", status_code=500)

    adopt = [starlettes("first"), starlettes()]
    browser = Browser(site(broken, store=MemoryStore(), adopt=adopt))
    browser.plant(old_cookie({"a": 1}), "first")
    used = browser.copy()
    await used.get("/destroy")
    browser.plant(old_cookie(), OLD)
    browser.plant("useless", path="/")
    browser.plant("as useless", path="/broken")
    failed = await browser.get("/broken")
    assert [line for line in failed.set_cookies if line.startswith(f"{OLD}=")] == []
    assert (await browser.get("/read")).json() == VALUES


async def test_what_was_saved_before_a_failure_stays(store: Store) -> None:
    async def half(request: Request) -> Response:
        own(request)["a"] = 1
        await own(request).save()
        own(request)["a"] = 2
        return PlainTextResponse("broken", status_code=500)

    browser = moving(store, half)
    assert (await browser.get("/half")).status == 500
    assert (await browser.get("/read")).json() == {**VALUES, "a": 1}


async def test_the_store_is_away() -> None:
    store = Watched()
    browser = moving(store)
    store.away = True
    assert (await browser.get("/read")).status == 503
    assert browser.cookie(OLD)
    store.away = False
    assert (await browser.get("/read")).json() == VALUES


async def test_its_session_is_listed_for_its_owner_and_told_as_a_birth() -> None:
    store, events = MemoryStore(), list[Event]()
    browser = moving(store, on_event=events.append)
    await browser.get("/read")
    await browser.get("/read")
    (session,) = await store.sessions_of("7")
    assert session.data == VALUES
    assert [(event.kind, event.key, event.owner) for event in events] == [("began", session.key, "7")]


@each_kind
def test_a_websocket(kind: Callable[[], dict[str, Any]]) -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json(dict(get_session(socket)))
        await socket.close()

    app = site(routes=[WebSocketRoute("/ws", talk)], adopt=[starlettes()], **kind())
    with TestClient(app) as client:
        client.cookies.set(OLD, old_cookie(), domain="testserver.local", path="/")
        with client.websocket_connect("/ws") as socket:
            assert socket.receive_json() == VALUES
            headers: list[tuple[bytes, bytes]] = socket.extra_headers or []
            lines = [value.decode() for name, value in headers if name == b"set-cookie"]
        assert [line.partition("=")[0] for line in lines] == ["session", OLD]
        client.cookies.set("session", lines[0].partition(";")[0].partition("=")[2])
        client.cookies.delete(OLD)
        assert client.get("/read").json() == VALUES


async def test_a_dict_that_is_read_without_a_look_has_the_values() -> None:
    """By an app without Starlette's `request.session`."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(json.loads(json.dumps(scope["session"])))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    browser = Browser(SessionMiddleware(app, store=MemoryStore(), adopt=[starlettes()]))
    browser.plant(old_cookie(), OLD)
    await browser.get("/")
    await browser.get("/")
    assert seen == [VALUES, VALUES]


# -- what it costs, and what stays -------------------------------------------------------------------


class Counting(StarletteCookie):
    asked = 0

    def identify(self, value: str) -> str:
        self.asked += 1
        return super().identify(value)


@pytest.mark.parametrize("name", ["session", OLD])
async def test_who_has_a_session_of_ours_is_asked_for_no_other(name: str) -> None:
    cookie = Counting(SECRET, name)
    store = Watched()
    browser = browser_for(cookie, store=store)
    await browser.get("/write?a=1")
    if name == OLD:
        browser.plant(old_cookie(), OLD)
    store.calls.clear()
    for _ in range(3):
        assert (await browser.get("/read")).json() == {"a": "1"}
    assert cookie.asked == 0
    assert store.calls == {"load": 3}


async def test_the_option_can_go_when_all_have_moved(store: Store) -> None:
    browser = moving(store)
    await browser.get("/read")
    browser.app = site(store=store)
    assert (await browser.get("/read")).json() == VALUES


async def test_the_cookie_is_removed_where_it_was() -> None:
    browser = browser_for(starlettes(path="/shop", domain=".app.example"))
    browser.plant(old_cookie(), OLD, path="/")
    first = await browser.get("/read")
    assert f"{OLD}=; Max-Age=0; Path=/shop; Domain=.app.example; HttpOnly; SameSite=Lax" in first.set_cookies


async def test_one_of_our_name_at_another_place_is_removed_there() -> None:
    browser = browser_for(starlettes("session", path="/re"))
    browser.plant(old_cookie(), "session", path="/re")
    assert (await browser.get("/read")).json() == VALUES
    assert list(browser.jar) == [("session", "", "/")]
    assert (await browser.get("/read")).json() == VALUES


# -- what is refused ---------------------------------------------------------------------------------


def bad_cookies() -> dict[str, str]:
    good = old_cookie()
    text, _, rest = good.partition(".")
    signer = itsdangerous.TimestampSigner(SECRET)
    return {
        "another key": old_cookie(secret="another secret"),
        "changed values": f"{text[:-4]}AAA=.{rest}",
        "changed signature": good[:-3] + "AAA",
        "no time": itsdangerous.Signer(SECRET).sign(text).decode(),
        "no signature": text,
        "no base64": signer.sign("%%%").decode(),
        "no JSON": signer.sign(base64.b64encode(b"{")).decode(),
        "no mapping": signer.sign(base64.b64encode(b"[1]")).decode(),
        "deep": signer.sign(base64.b64encode(b"[" * 2500)).decode(),
        "absurd size": signer.sign(base64.b64encode(b'{"a":"' + b"a" * 6000 + b'"}')).decode(),
        "garbage": "a.b.c",
    }


@pytest.mark.parametrize("value", bad_cookies().values(), ids=bad_cookies())
@pytest.mark.parametrize("name", ["session", OLD])
async def test_a_cookie_that_is_none_is_refused_and_told_once(
    value: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []
    browser = browser_for(starlettes(name), on_event=events.append)
    await is_refused(browser, value, name)
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert lines[0].getMessage().startswith(f"did not adopt a cookie '{name}' of StarletteCookie: ")
    assert value[:12] not in caplog.text
    assert len(events) == 2
    assert {event.kind for event in events} == {"refused"}


async def test_a_session_of_ours_that_is_over_is_none_of_the_other_library(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Under the name that both have."""
    events: list[Event] = []
    browser = browser_for(starlettes("session"), on_event=events.append)
    await browser.get("/write?a=1")
    before = browser.copy()
    await browser.get("/destroy")
    events.clear()
    caplog.set_level(logging.INFO, "sessions")
    caplog.clear()
    assert (await before.get("/read")).json() == {}
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert told == [("INFO", "ignored a cookie 'session': its session is over or unknown")]
    assert [event.kind for event in events] == ["refused"]


async def test_a_cookie_that_is_too_old(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    browser = browser_for(starlettes(max_age=60))
    value = old_cookie()
    clock.go(62)
    await is_refused(browser, value, OLD)
    assert "it is too old" in caplog.text
    clock.go(-65)
    browser.plant(old_cookie(), OLD)
    clock.go(-10)
    assert (await browser.get("/read")).json() == {}
    assert "it was signed in the future" in caplog.text


async def test_without_a_limit_of_its_age(clock: Clock) -> None:
    browser = browser_for(starlettes(max_age=None))
    browser.plant(old_cookie(), OLD)
    clock.go(500 * 24 * 60 * 60)
    assert (await browser.get("/read")).json() == VALUES


async def test_a_session_that_is_too_large_for_our_store(caplog: pytest.LogCaptureFixture) -> None:
    small: list[dict[str, Any]] = [
        {"store": CookieStore(), "encryption_key": KEY},
        {"store": MemoryStore(max_bytes=600)},
    ]
    for options in small:
        browser = browser_for(starlettes(), **options)
        await is_refused(browser, old_cookie({"text": "a" * 2400}), OLD)
    assert "its session is too large" in caplog.text


async def test_the_first_cookie_of_the_list_counts_and_all_go() -> None:
    browser = browser_for(starlettes("one"), starlettes("two"))
    browser.plant(old_cookie({"a": 1}), "two")
    browser.plant(old_cookie({"b": 1}), "one")
    assert (await browser.get("/read")).json() == {"b": 1}
    assert list(browser.jar) == [("session", "", "/")]


async def test_old_keys() -> None:
    browser = browser_for(StarletteCookie(["a new secret", SECRET], OLD))
    browser.plant(old_cookie(), OLD)
    assert (await browser.get("/read")).json() == VALUES


# -- the values --------------------------------------------------------------------------------------


class Programmed(StarletteCookie):
    """With values that JSON does not have."""

    values: dict[Any, Any]

    async def read(self, old_id: str) -> OldSession | None:
        return OldSession({**self.values}, float("inf"))


async def test_a_value_that_cannot_be_carried_is_left_out_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cookie = Programmed(SECRET, OLD)
    cookie.values = {"a": 1, "odd": object(), "nan": float("nan"), 5: "five", "half": "\ud800", "t": (1, 2)}
    browser = browser_for(cookie)
    for number in range(2):
        browser.forget_cookies()
        browser.plant(old_cookie({"n": number}), OLD)
        assert (await browser.get("/read")).json() == {"a": 1, "t": [1, 2]}
    told = sorted(each.getMessage().rpartition(" is ")[2] for each in caplog.records if each.levelno >= 30)
    assert told == ["'half'", "'nan'", "'odd'", "of type int"]


async def test_convert_is_asked_for_what_json_cannot_hold() -> None:
    asked: list[str] = []

    def convert(key: str, value: Any) -> Any:
        asked.append(key)
        if key == "bad":
            raise ValueError("no way")
        return {"set": sorted(value)}

    cookie = Programmed(SECRET, OLD, convert=convert)
    cookie.values = {"plain": [1], "numbers": {2, 1}, "bad": object()}
    browser = browser_for(cookie)
    browser.plant(old_cookie(), OLD)
    assert (await browser.get("/read")).json() == {"plain": [1], "numbers": {"set": [1, 2]}}
    assert asked == ["numbers", "bad"]


async def test_owner_can_refuse(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(data: dict[str, Any]) -> str:
        raise Refused("the account is closed")

    await is_refused(browser_for(StarletteCookie(SECRET, OLD, owner=refuse)), old_cookie(), OLD)
    assert "the account is closed" in caplog.text


async def test_what_owner_raises_is_the_apps_fault_and_loses_nothing(store: Store) -> None:
    browser = browser_for(StarletteCookie(SECRET, OLD, owner=lambda data: data["nobody"]), store=store)
    browser.plant(old_cookie(), OLD)
    failed = await browser.get("/read")
    assert isinstance(failed.error, KeyError)
    assert browser.cookie(OLD)


# -- construction ------------------------------------------------------------------------------------


@pytest.mark.parametrize("adopt", [starlettes(), ["session"], "session", [StarletteCookie]])
def test_adopt_is_a_list_of_cookies(adopt: Any) -> None:
    with pytest.raises(TypeError, match="adopt is a list of cookies"):
        site(adopt=adopt).build_middleware_stack()


@pytest.mark.parametrize("secret", ["", [], [""], b""])
def test_an_empty_secret(secret: Any) -> None:
    with pytest.raises(ValueError, match="secret_key is empty"):
        StarletteCookie(secret)


@pytest.mark.parametrize("secret", [None, 5, [None]])
def test_a_secret_that_is_none(secret: Any) -> None:
    with pytest.raises(TypeError, match="secret_key is of type"):
        StarletteCookie(secret)


@pytest.mark.parametrize(
    ("age", "error"), [(0, ValueError), (-1, ValueError), ("60", TypeError), (True, TypeError)]
)
def test_an_age_that_is_none(age: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="max_age"):
        StarletteCookie(SECRET, max_age=age)


def test_no_repr_shows_a_secret_or_a_value() -> None:
    cookie = starlettes()
    shown = repr([cookie, OldSession({"a": "value"}, 0.0), cookie.cookie])
    assert SECRET not in shown
    assert "value" not in shown


async def test_after_a_restart(tmp_path: Any) -> None:
    path = tmp_path / "sessions.db"
    store = SQLiteStore(path)
    browser = moving(store)
    before = browser.copy()
    await browser.get("/write?a=1")
    await store.close()
    store = SQLiteStore(path)
    browser.app = before.app = site(store=store, adopt=[starlettes()])
    assert (await before.get("/read")).json() == {**VALUES, "a": "1"}
    assert (await browser.get("/read")).json() == {**VALUES, "a": "1"}
    await store.close()
