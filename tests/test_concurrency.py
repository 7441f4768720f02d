"""CONC, ROT-2, OUT-2: requests of one session that overlap. Gates decide who is first, never the clock."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from support import KEY, Browser, Crowd, Gate, Watched, answer, overlapping, own, site, slow

from sessions import CookieStore, MemoryStore, SessionEnded, SessionMiddleware, Store, WriteConflict
from sessions._commit import MAX_TRIES
from sessions._record import Record

pytestmark = pytest.mark.anyio

TWENTY = range(20)


# -- CONC --------------------------------------------------------------------------------------------


@pytest.mark.promise("CONC-1")
@pytest.mark.parametrize("value", [7, True, None, 0.5, "seven", [7], {"seven": 7}])
@pytest.mark.parametrize("before", ["known", "new"])
async def test_a_value_of_any_kind_is_set_again_on_what_was_faster(
    store: Store, value: Any, before: str
) -> None:
    async def set_it(request: Request) -> Response:
        request.session["known"] = 1
        request.session[before] = value
        await browser.copy().get("/write", other="1")
        return answer()

    browser = Browser(site(set_it, store=store))
    await browser.get("/write", known="0")
    await browser.get("/set_it")
    assert (await browser.get("/read")).json() == {"known": 1, before: value, "other": "1"}


@pytest.mark.promise("CONC-1")
async def test_twenty_parallel_writers_of_twenty_keys_leave_twenty_keys(store: Store) -> None:
    crowd = Crowd(20)

    async def put(request: Request) -> Response:
        session = own(request)
        session.get("first")
        await crowd.wait()
        session.update(dict(request.query_params))
        return answer()

    browser = Browser(site(put, store=store))
    await browser.get("/write", first="here")
    replies = await overlapping(browser, *[f"/put?key{number}={number}" for number in TWENTY])
    assert {reply.status for reply in replies} == {200}
    kept = (await browser.get("/read")).json()
    assert kept == {"first": "here"} | {f"key{number}": str(number) for number in TWENTY}


@pytest.mark.promise("CONC-2")
async def test_twenty_parallel_increments_add_twenty(store: Store) -> None:
    crowd = Crowd(20)

    async def count(request: Request) -> Response:
        session = own(request)
        session.get("n")
        await crowd.wait()
        session.increment("n")
        session.update("list", lambda value: [*(value or []), request.query_params["number"]])
        session.increment("sum", int(request.query_params["number"]))
        return answer()

    browser = Browser(site(count, store=store))
    await browser.get("/write", first="here")
    replies = await overlapping(browser, *[f"/count?number={number}" for number in TWENTY])
    assert {reply.status for reply in replies} == {200}
    kept = (await browser.get("/read")).json()
    assert kept["n"] == 20
    assert kept["sum"] == sum(TWENTY)
    assert sorted(map(int, kept["list"])) == list(TWENTY)


@pytest.mark.promise("CONC-3")
async def test_of_two_writes_of_a_key_the_last_commit_wins_whole(store: Store) -> None:
    gate = Gate()

    async def put(request: Request) -> Response:
        session, who = own(request), request.query_params["who"]
        session.get("value")
        if who == "slow":
            await gate.wait()
        session["value"] = {"who": who, who: [who] * 3}
        return answer()

    browser = Browser(site(put, store=store))
    await browser.get("/write", first="here")
    await slow(gate, browser, "/put?who=slow", lambda: browser.get("/put?who=fast"))
    assert (await browser.get("/read")).json()["value"] == {"who": "slow", "slow": ["slow"] * 3}


@pytest.mark.promise("CONC-3")
async def test_parallel_writes_of_one_key_never_mix(store: Store) -> None:
    crowd = Crowd(10)

    async def put(request: Request) -> Response:
        own(request).get("value")
        await crowd.wait()
        number = request.query_params["number"]
        request.session["value"] = {"number": number, "copies": [number] * 50}
        return answer()

    browser = Browser(site(put, store=store))
    await browser.get("/write", first="here")
    await overlapping(browser, *[f"/put?number={number}" for number in range(10)])
    value = (await browser.get("/read")).json()["value"]
    assert value["copies"] == [value["number"]] * 50


@pytest.mark.promise("CONC-4")
async def test_the_cookie_store_keeps_what_the_last_response_says() -> None:
    """Not a promise but the lack of one: if this ever fails, docs and matrix have to change."""
    gate = Gate()

    async def put(request: Request) -> Response:
        own(request).get("a")
        await gate.wait()
        request.session["slow"] = "1"
        return answer()

    browser = Browser(site(put, store=CookieStore(), encryption_key=KEY))
    await browser.get("/write", first="here")
    await slow(gate, browser, "/put", lambda: browser.get("/write?fast=1"))
    assert (await browser.get("/read")).json() == {"first": "here", "slow": "1"}


@pytest.mark.promise("CONC-1", "OBJ-4")
async def test_in_place_changes_survive_other_requests_writes(store: Store) -> None:
    gate = Gate()

    async def begin(request: Request) -> Response:
        request.session["cart"] = ["bread"]
        return answer()

    async def add(request: Request) -> Response:
        cart = request.session["cart"]
        pair = request.session["pair"] = ([1], "x")
        await gate.wait()
        cart.append("milk")
        pair[0].append(2)
        return answer()

    browser = Browser(site(begin, add, store=store))
    await browser.get("/begin")
    await slow(gate, browser, "/add", lambda: browser.get("/write?other=1"))
    kept = (await browser.get("/read")).json()
    assert kept == {"cart": ["bread", "milk"], "other": "1", "pair": [[1, 2], "x"]}


@pytest.mark.promise("CONC-1")
async def test_forgetting_is_replayed_too(store: Store) -> None:
    gate = Gate()

    async def forget(request: Request) -> Response:
        session = own(request)
        assert session["a"] == "1"
        await gate.wait()
        session.forget("a")
        return answer()

    browser = Browser(site(forget, store=store))
    await browser.get("/write", a="1", b="1")
    await slow(gate, browser, "/forget", lambda: browser.get("/write?c=1"))
    assert (await browser.get("/read")).json() == {"b": "1", "c": "1"}


@pytest.mark.promise("CONC-1", "FLASH-1")
@pytest.mark.parametrize(
    ("other", "kept", "left"),
    [("/flash?message=new", {}, ["new", None]), ("/write?a=1", {"a": "1"}, [None])],
    ids=["a newer one", "another value"],
)
async def test_reading_a_flash_takes_that_one_alone(
    store: Store, other: str, kept: dict[str, str], left: list[str | None]
) -> None:
    gate = Gate()

    async def show(request: Request) -> Response:
        message = own(request).get("message")
        await gate.wait()
        return answer(message)

    browser = Browser(site(show, store=store))
    await browser.get("/flash", message="old")
    reply = await slow(gate, browser, "/show", lambda: browser.get(other))
    assert reply.json() == "old"
    for message in left:
        assert (await browser.get("/message")).json() == message
    assert (await browser.get("/read")).json() == kept


@pytest.mark.promise("CONC-2")
async def test_a_replay_that_cannot_be_is_an_error_and_saves_nothing(store: Store) -> None:
    gate = Gate()

    async def count(request: Request) -> Response:
        own(request).increment("n")
        request.session["other"] = "1"
        await gate.wait()
        return answer()

    browser = Browser(site(count, store=store))
    await browser.get("/write", first="here")
    reply = await slow(gate, browser, "/count", lambda: browser.get("/write?n=text"))
    assert reply.status == 500
    assert "session['n'] is not a number" in str(reply.error)
    assert (await browser.get("/read")).json() == {"first": "here", "n": "text"}


class Refusing(Watched):
    """Somebody else is always faster."""

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        self.calls["replace"] = self.calls.get("replace", 0) + 1
        return False


@pytest.mark.promise("BAD-2: so many writers that one gives up")
@pytest.mark.parametrize("url", ["/write?a=2", "/rotate"])
async def test_tries_are_bounded_and_giving_up_is_a_503(url: str) -> None:
    memory = MemoryStore()
    store = Refusing(memory)
    browser = Browser(site(store=store))
    await browser.get("/write", a="1")
    cookie = browser.cookie()
    reply = await browser.get(url)
    assert reply.status == 503
    assert reply.header("retry-after")
    assert reply.set_cookies == []
    assert store.calls["replace"] == MAX_TRIES
    assert browser.cookie() == cookie
    assert len(memory) == 1  # what a rotation began is gone again
    assert (await Browser(site(store=memory)).replayed(cookie)) == {"a": "1"}


async def test_giving_up_has_an_error_of_its_own() -> None:
    errors = []

    async def put(request: Request) -> Response:
        own(request)["a"] = "2"
        try:
            await own(request).save()
        except WriteConflict as error:
            errors.append(error)
        return answer()

    browser = Browser(site(put, store=Refusing()))
    await browser.get("/write", a="1")
    assert (await browser.get("/put")).status == 503
    assert len(errors) == 1


# -- ROT-2, OUT-2 ------------------------------------------------------------------------------------


def acts(gate: Gate) -> list[Any]:
    """What a slow request may do at its end, each a handler."""

    async def slow_write(request: Request) -> Response:
        own(request).get("user")
        await gate.wait()
        request.session["late"] = "1"
        return answer()

    async def slow_read(request: Request) -> Response:
        user = own(request).get("user")
        await gate.wait()
        return answer(user)

    async def slow_untouched(request: Request) -> Response:
        await gate.wait()
        return answer()

    async def slow_touch(request: Request) -> Response:
        own(request).get("user")
        await gate.wait()
        own(request).touch()
        return answer()

    async def slow_increment(request: Request) -> Response:
        own(request).increment("n")
        await gate.wait()
        return answer()

    async def slow_flash(request: Request) -> Response:
        own(request).get("message")
        await gate.wait()
        own(request).flash("message", "late")
        return answer()

    async def slow_rotate(request: Request) -> Response:
        own(request).get("user")
        await gate.wait()
        own(request).rotate()
        return answer()

    async def slow_save(request: Request) -> Response:
        own(request)["early"] = "1"
        await own(request).save()
        await gate.wait()
        own(request)["late"] = "1"
        try:
            await own(request).save()
        except SessionEnded:
            own(request)["later still"] = "1"
        return answer()

    return [
        slow_write,
        slow_read,
        slow_untouched,
        slow_touch,
        slow_increment,
        slow_flash,
        slow_rotate,
        slow_save,
    ]


ACTS = [act.__name__ for act in acts(Gate.__new__(Gate))]


@pytest.mark.promise("ROT-2")
@pytest.mark.parametrize("act", [name for name in ACTS if name != "slow_rotate"])
@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_a_slow_request_cannot_undo_a_login(store: Store, act: str, encryption_key: str | None) -> None:
    gate = Gate()
    # 10 s, of which each request extends a bit: the slow one would have a reason to send a cookie.
    app = site(*acts(gate), store=store, expire_after=10, encryption_key=encryption_key)
    browser = Browser(app)
    await browser.get("/flash", message="hello")
    before = browser.copy()
    reply = await slow(gate, browser, f"/{act}", lambda: browser.get("/rotate?user=ada"))
    assert reply.status == 200
    assert reply.set_cookies == []
    kept = (await browser.get("/read")).json()
    assert kept["user"] == "ada"
    assert "late" in kept or act not in ("slow_write", "slow_save")  # ROT-5
    assert kept.get("n") == (1 if act == "slow_increment" else None)
    assert (await before.get("/read")).json() == {}


@pytest.mark.promise("ROT-2")
async def test_a_slow_request_whose_extension_is_due_sends_no_cookie(store: Store, clock: Any) -> None:
    gate = Gate()
    browser = Browser(site(*acts(gate), store=store, expire_after=100))
    await browser.get("/write", a="1")
    clock.go(50)

    async def log_in() -> None:
        await browser.get("/rotate?user=ada")
        clock.go(10)

    reply = await slow(gate, browser, "/slow_read", log_in)
    assert reply.status == 200
    assert reply.set_cookies == []
    assert (await browser.get("/read")).json() == {"a": "1", "user": "ada"}


@pytest.mark.promise("ROT-2")
async def test_a_request_that_leaves_with_the_old_id_and_arrives_late_sets_no_cookie(store: Store) -> None:
    browser = Browser(site(store=store, expire_after=100))
    await browser.get("/write", a="1")
    sent_before = browser.copy()
    await browser.get("/rotate", user="ada")
    for url in ("/write?late=1", "/increment", "/read", "/untouched", "/touch", "/rotate"):
        reply = await sent_before.get(url)
        assert reply.status == 200, url
        assert reply.set_cookies == [], url
    # It could not see what it would overwrite; a function needs not see anything.
    assert (await browser.get("/read")).json() == {"a": "1", "user": "ada", "n": 1}


@pytest.mark.promise("ROT-2", "ROT-6")
async def test_so_it_is_for_a_minute_and_then_the_old_id_is_unknown(store: Store, clock: Any) -> None:
    """Also after what was written beside the old id."""
    browser = Browser(site(store=store, expire_after=600))
    await browser.get("/write", a="1")
    sent_before, later = browser.copy(), browser.copy()
    await browser.get("/rotate", user="ada")
    for seconds in (0, 30, 29.9):
        clock.go(seconds)
        for url in ("/increment", "/write?late=1", "/read"):
            assert (await sent_before.get(url)).set_cookies == []
    assert (await browser.get("/read")).json() == {"a": "1", "user": "ada", "n": 3}
    clock.go(0.1)
    assert (await later.get("/read")).json() == {}
    assert len((await later.get("/increment")).set_cookies) == 1
    assert (await browser.get("/read")).json() == {"a": "1", "user": "ada", "n": 3}


@pytest.mark.promise("ROT-2")
async def test_but_a_login_with_the_old_id_makes_a_session(store: Store) -> None:
    """Two tabs, two logins: the later one counts, with a new id and nothing of the first one's data."""
    browser = Browser(site(store=store))
    await browser.get("/write", a="1")
    second_tab = browser.copy()
    await browser.get("/rotate", user="ada")
    await second_tab.get("/rotate", user="bob")
    assert (await second_tab.get("/read")).json() == {"user": "bob"}
    assert (await browser.get("/read")).json() == {"a": "1", "user": "ada"}


@pytest.mark.promise("ROT-1", "ROT-2")
async def test_a_write_during_the_rotation_is_not_lost(store: Store) -> None:
    """It was acknowledged before the rotation's end, so the new session has it."""
    gate = Gate()

    async def log_in(request: Request) -> Response:
        own(request).rotate()
        request.session["user"] = "ada"
        await gate.wait()
        return answer()

    browser = Browser(site(log_in, store=store))
    await browser.get("/write", a="1")
    before = browser.copy()
    reply = await slow(gate, browser, "/log_in", lambda: browser.get("/write?fast=1"))
    assert len(reply.set_cookies) == 1
    assert (await browser.get("/read")).json() == {"a": "1", "fast": "1", "user": "ada"}
    assert (await before.get("/read")).json() == {}


@pytest.mark.promise("ROT-1")
async def test_of_two_rotations_at_once_one_wins_and_the_browser_keeps_it(store: Store) -> None:
    crowd = Crowd(2)

    async def both(request: Request) -> Response:
        own(request).get("a")
        await crowd.wait()
        own(request).rotate()
        return answer()

    browser = Browser(site(both, store=store))
    await browser.get("/write", a="1")
    replies = await overlapping(browser, "/both", "/both")
    assert {reply.status for reply in replies} == {200}
    assert sorted(len(reply.set_cookies) for reply in replies) == [0, 1]
    assert (await browser.get("/read")).json() == {"a": "1"}


@pytest.mark.promise("OUT-2")
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_a_slow_request_cannot_undo_a_logout(
    store: Store, act: str, encryption_key: str | None
) -> None:
    gate = Gate()
    browser = Browser(site(*acts(gate), store=store, expire_after=10, encryption_key=encryption_key))
    await browser.get("/flash", message="hello")
    await browser.get("/write", user="ada")
    thief = browser.copy()
    reply = await slow(gate, browser, f"/{act}", lambda: browser.get("/destroy"))
    assert reply.status == 200
    assert reply.set_cookies == []
    assert browser.cookie() is None
    assert (await browser.get("/read")).json() == {}
    assert (await thief.get("/read")).json() == {}


@pytest.mark.promise("OUT-2")
async def test_a_logout_during_a_login_is_not_undone_by_it(store: Store) -> None:
    gate = Gate()

    async def log_in(request: Request) -> Response:
        own(request).rotate()
        request.session["user"] = "ada"
        await gate.wait()
        return answer()

    browser = Browser(site(log_in, store=store))
    await browser.get("/write", a="1")
    reply = await slow(gate, browser, "/log_in", lambda: browser.get("/destroy"))
    assert reply.set_cookies == []
    assert (await browser.get("/read")).json() == {}


# -- several tasks of one request --------------------------------------------------------------------


@pytest.mark.promise("CONC-2: tasks of one request")
async def test_saving_twice_at_once_counts_once(store: Store) -> None:
    async def both(request: Request) -> Response:
        session = own(request)
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                session.increment("n")
                tasks.start_soon(session.save)
        return answer(session["n"])

    browser = Browser(site(both, store=store))
    for first in (10, 20, 30):
        reply = await browser.get("/both")
        assert reply.json() == first
        assert len(reply.set_cookies) <= 1
        assert (await browser.get("/read")).json() == {"n": first}


class Interleaved(Watched):
    """A store in which the first of two writes arrives last."""

    def __init__(self) -> None:
        super().__init__()
        self.held: anyio.Event | None = None
        self.overtaken: anyio.Event | None = None

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        held, self.held = self.held, None
        if held:
            held.set()
            assert self.overtaken
            with anyio.move_on_after(0.2):  # nobody overtakes where saves wait for each other
                await self.overtaken.wait()
        result = await super().replace(key, record, expected=expected)
        if not held and self.overtaken:
            self.overtaken.set()
        return result


@pytest.mark.promise("CONC-2: tasks of one request")
async def test_a_save_that_overtakes_another_of_its_request_counts_nothing_twice() -> None:
    store = Interleaved()

    async def both(request: Request) -> Response:
        session = own(request)
        store.held, store.overtaken = held, _ = anyio.Event(), anyio.Event()
        async with anyio.create_task_group() as tasks:
            session.increment("n")
            tasks.start_soon(session.save)
            await held.wait()
            session.increment("n")
            tasks.start_soon(session.save)
        return answer()

    browser = Browser(site(both, store=store))
    await browser.get("/write", a="1")
    await browser.get("/both")
    assert (await browser.get("/read")).json() == {"a": "1", "n": 2}


@pytest.mark.promise("SAVE-3: nothing is dropped silently")
async def test_what_is_changed_while_a_save_meets_a_conflict_is_kept(store: Store) -> None:
    watched = Watched(store)
    arrived: list[Gate] = []

    async def hold(name: str) -> None:
        if name == "replace" and arrived:
            gate = arrived.pop()
            await gate.wait()

    watched.before = hold

    async def work(request: Request) -> Response:
        session = own(request)
        gate = Gate()
        cart = session["cart"] = ["bread"]
        arrived.append(gate)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.save)
            await gate.arrival()
            session["while saving"] = {"a": 1}
            cart.append("milk")
            await browser.get("/write?meanwhile=1")
            gate.open()
        assert session["meanwhile"] == "1"  # known since the conflict
        session["while saving"]["b"] = 2
        cart.append("eggs")
        return answer()

    browser = Browser(site(work, store=watched))
    await browser.get("/write", first="here")
    assert (await browser.get("/work")).status == 200
    assert (await browser.get("/read")).json() == {
        "first": "here",
        "meanwhile": "1",
        "cart": ["bread", "milk", "eggs"],
        "while saving": {"a": 1, "b": 2},
    }


@pytest.mark.promise("OUT-1: while another task saves")
async def test_a_logout_while_another_task_saves_is_a_logout(store: Store) -> None:
    watched = Watched(store)
    arrived: list[Gate] = []

    async def hold(name: str) -> None:
        if name in ("replace", "create") and arrived:
            await arrived.pop().wait()

    watched.before = hold

    async def work(request: Request) -> Response:
        session = own(request)
        gate = Gate()
        session["a"] = "2"
        arrived.append(gate)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.save)
            await gate.arrival()
            session.destroy()
            gate.open()
        return answer()

    for first in ("/write?a=1", "/read"):
        browser = Browser(site(work, store=watched))
        await browser.get(first)
        before = browser.copy()
        assert (await browser.get("/work")).status == 200
        assert browser.cookie() is None
        assert (await before.get("/read")).json() == {}


@pytest.mark.promise("ROT-2")
async def test_an_extension_that_was_saved_before_the_login_sends_no_cookie_after_it(
    store: Store, clock: Any
) -> None:
    gate = Gate()

    async def work(request: Request) -> Response:
        session = own(request)
        session["early"] = "1"
        await session.save()  # moves the expiry, of which the browser would have to learn
        await gate.wait()
        session["late"] = "1"
        await session.save()
        return answer()

    browser = Browser(site(work, store=store, expire_after=100))
    await browser.get("/write", a="1")
    clock.go(50)
    reply = await slow(gate, browser, "/work", lambda: browser.get("/rotate?user=ada"))
    assert reply.set_cookies == []
    assert (await browser.get("/read")).json() == {"a": "1", "early": "1", "late": "1", "user": "ada"}


@pytest.mark.anyio
@pytest.mark.promise("CONC-1", "SAVE-3")
@pytest.mark.parametrize("value", [1, [1]], ids=["plain", "nested"])
async def test_who_was_slower_has_no_late_change_in_another_order_of_keys(value: Any) -> None:
    """The record has the other request's key first, and the handler set its own before it heard of that."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        session["begun"] = value
        if scope["path"] == "/slow":
            session["mine"] = value
            assert (await browser.get("/write", other="1")).error is None
        session.update(dict([scope["query_string"].decode().split("=")]) if scope["query_string"] else {})
        await PlainTextResponse("done")(scope, receive, send)

    browser = Browser(SessionMiddleware(app, MemoryStore()))
    await browser.get("/begin")
    assert (await browser.get("/slow")).error is None
