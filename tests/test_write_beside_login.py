"""ROT-5: what a request wrote that was under way while a login gave the session a new id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Crowd, Gate, answer, own, site, slow

from sessions import Session, SessionEnded, Store

pytestmark = pytest.mark.anyio

START: dict[str, Any] = {"a": "1", "b": "1", "n": 1, "cart": ["bread"], "nested": {"list": [1]}}
LOGGED_IN = {**START, "name": "ada", "secret": "of the new session"}


async def begin(request: Request) -> Response:
    request.session.update(START)
    return answer()


async def log_in(request: Request) -> Response:
    session = own(request)
    session.rotate()
    session.owner = "ada"
    session.update({"name": "ada", "secret": "of the new session"})
    return answer()


async def everything(request: Request) -> Response:
    """All of it, and whose it is; a look at the whole uses up no flash value."""
    session = own(request)
    flashes = [key for key in session if session.is_flash(key)]
    return answer({"data": dict(session), "flash": flashes, "owner": session.owner, "new": session.is_new})


Change = Callable[[Session], Any]

CHANGES: dict[str, tuple[Change, dict[str, Any]]] = {
    "set": (lambda session: session.set("late", "1"), {**LOGGED_IN, "late": "1"}),
    "set again": (lambda session: session.set("a", "2"), {**LOGGED_IN, "a": "2"}),
    "append in place": (
        lambda session: session["cart"].append("milk"),
        {**LOGGED_IN, "cart": ["bread", "milk"]},
    ),
    "append deeper": (
        lambda session: session["nested"]["list"].append(2),
        {**LOGGED_IN, "nested": {"list": [1, 2]}},
    ),
    "forget": (
        lambda session: session.forget("b"),
        {key: value for key, value in LOGGED_IN.items() if key != "b"},
    ),
    "increment": (lambda session: session.increment("n"), {**LOGGED_IN, "n": 2}),
    "increment anew": (lambda session: session.increment("m", 3), {**LOGGED_IN, "m": 3}),
    "update": (
        lambda session: session.update("cart", lambda cart: [*cart, "eggs"]),
        {**LOGGED_IN, "cart": ["bread", "eggs"]},
    ),
    "flash": (lambda session: session.flash("message", "hello"), {**LOGGED_IN, "message": "hello"}),
}


def changing(gate: Gate, change: Change, when: str) -> Callable[[Request], Awaitable[Response]]:
    """A handler that has loaded the session before the gate, and changes it at one moment or another."""

    async def act(request: Request) -> Response:
        session = own(request)
        session.get("a")
        if when == "before the login":
            change(session)
        await gate.wait()
        if when != "before the login":
            change(session)
        if when == "with save()":
            await session.save()
        return answer(dict(session))

    return act


@pytest.mark.promise("ROT-5", "ROT-2")
@pytest.mark.parametrize("when", ["before the login", "after the login", "with save()"])
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_it_is_in_the_session_with_the_new_id(
    store: Store, name: str, when: str, encryption_key: str | None
) -> None:
    gate = Gate()
    change, expected = CHANGES[name]
    act = changing(gate, change, when)
    browser = Browser(site(begin, act, log_in, everything, store=store, encryption_key=encryption_key))
    await browser.get("/begin")
    before = browser.copy()
    reply = await slow(gate, browser, "/act", lambda: browser.get("/log_in"))
    assert (reply.status, reply.set_cookies) == (200, [])
    # Of the new session nothing is in the answer.
    assert "secret" not in reply.text
    assert "ada" not in reply.text
    flashes = ["message"] if name == "flash" else []
    seen = (await browser.get("/everything")).json()
    assert seen == {"data": expected, "flash": flashes, "owner": "ada", "new": False}
    assert (await before.get("/read")).json() == {}


@pytest.mark.promise("ROT-5")
@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.set("name", "mallory"),
        lambda session: session.flash("name", "mallory"),
        lambda session: session.increment("name"),
        lambda session: session.update("name", lambda _: "mallory"),
        lambda session: session.forget("name"),
    ],
    ids=["set", "flash", "increment", "update", "forget"],
)
async def test_keys_that_the_login_wrote_keep_its_values(store: Store, change: Change) -> None:
    gate = Gate()

    async def act(request: Request) -> Response:
        own(request).get("a")
        await gate.wait()
        change(own(request))
        own(request)["late"] = "1"
        return answer()

    browser = Browser(site(begin, act, log_in, everything, store=store))
    await browser.get("/begin")
    assert (await slow(gate, browser, "/act", lambda: browser.get("/log_in"))).status == 200
    for _ in range(2):  # a flash value would be gone the second time
        assert (await browser.get("/everything")).json() == {
            "data": {**LOGGED_IN, "late": "1"},
            "flash": [],
            "owner": "ada",
            "new": False,
        }


@pytest.mark.promise("ROT-5")
async def test_so_does_a_key_that_the_login_changed_in_place_or_removed(store: Store) -> None:
    gate = Gate()

    async def act(request: Request) -> Response:
        session = own(request)
        session["cart"].append("milk")
        session["a"] = "2"
        session["late"] = "1"
        await gate.wait()
        return answer()

    async def sign_in(request: Request) -> Response:
        session = own(request)
        session.rotate()
        session["cart"].append("eggs")
        session.forget("a")
        return answer()

    browser = Browser(site(begin, act, sign_in, store=store))
    await browser.get("/begin")
    await slow(gate, browser, "/act", lambda: browser.get("/sign_in"))
    kept = (await browser.get("/read")).json()
    assert kept["cart"] == ["bread", "eggs"]
    assert "a" not in kept
    assert kept["late"] == "1"


@pytest.mark.promise("ROT-5")
async def test_what_the_new_session_wrote_after_the_login_is_replaced_as_by_any_later_write(
    store: Store,
) -> None:
    gate = Gate()

    async def act(request: Request) -> Response:
        own(request)["a"] = "slow"
        await gate.wait()
        return answer()

    async def meanwhile() -> None:
        await browser.get("/log_in")
        await browser.get("/write", a="fast", b="fast")

    browser = Browser(site(begin, act, log_in, store=store))
    await browser.get("/begin")
    await slow(gate, browser, "/act", meanwhile)
    kept = (await browser.get("/read")).json()
    assert (kept["a"], kept["b"]) == ("slow", "fast")


@pytest.mark.promise("ROT-5")
async def test_a_login_during_save_after_save_keeps_each_of_them(store: Store) -> None:
    gates = [Gate(), Gate()]

    async def act(request: Request) -> Response:
        session = own(request)
        seen = []
        for number, gate in enumerate(gates):
            session.increment("n")
            session[f"late {number}"] = number
            await session.save()
            seen.append(dict(session))
            await gate.wait()
        session["last"] = "1"
        session["cart"].append("milk")
        return answer(seen)

    browser = Browser(site(begin, act, log_in, everything, store=store))
    await browser.get("/begin")
    replies = []

    async def send() -> None:
        replies.append(await browser.get("/act"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        for gate in gates:
            await gate.arrival()
            await browser.get("/log_in")  # the second time another rotation, a step on the way
            gate.open()
    assert replies[0].set_cookies == []
    assert "secret" not in replies[0].text
    expected = {**LOGGED_IN, "n": 3, "late 0": 0, "late 1": 1, "last": "1", "cart": ["bread", "milk"]}
    assert (await browser.get("/everything")).json()["data"] == expected


@pytest.mark.promise("ROT-5")
@pytest.mark.parametrize("steps", [2, 5])
async def test_it_finds_the_session_behind_a_chain_of_rotations(store: Store, steps: int) -> None:
    gate = Gate()

    async def act(request: Request) -> Response:
        session = own(request)
        session["late"] = "1"
        session["name"] = "mallory"
        session["step 1"] = "mallory"
        session.increment("n")
        await gate.wait()
        return answer()

    async def chain() -> None:
        await browser.get("/log_in")
        for number in range(1, steps):
            await browser.get("/rotate", **{f"step {number}": "up"})

    browser = Browser(site(begin, act, log_in, everything, store=store))
    await browser.get("/begin")
    reply = await slow(gate, browser, "/act", chain)
    assert reply.set_cookies == []
    expected = {**LOGGED_IN, **{f"step {number}": "up" for number in range(1, steps)}, "late": "1", "n": 2}
    seen = (await browser.get("/everything")).json()
    assert (seen["data"], seen["owner"]) == (expected, "ada")


@pytest.mark.promise("ROT-5", "CONC-2")
async def test_twenty_increments_under_way_beside_a_login_add_twenty(store: Store) -> None:
    crowd = Crowd(21)

    async def count(request: Request) -> Response:
        own(request).get("n")
        await crowd.wait()
        own(request).increment("n")
        own(request).update("cart", lambda cart: [*cart, request.query_params["number"]])
        return answer()

    async def sign_in(request: Request) -> Response:
        own(request).get("n")
        await crowd.wait()
        return await log_in(request)

    browser = Browser(site(begin, count, sign_in, everything, store=store))
    await browser.get("/begin")
    replies = []

    async def send(url: str) -> None:
        replies.append(await browser.get(url))

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(send, f"/count?number={number}")
        tasks.start_soon(send, "/sign_in")
        for number in range(10, 20):
            tasks.start_soon(send, f"/count?number={number}")
    assert {reply.status for reply in replies} == {200}
    assert sum(len(reply.set_cookies) for reply in replies) == 1
    seen = (await browser.get("/everything")).json()
    assert seen["data"]["n"] == 21
    assert sorted(seen["data"]["cart"][1:], key=int) == [str(number) for number in range(20)]
    assert (seen["data"]["name"], seen["owner"]) == ("ada", "ada")


@pytest.mark.promise("ROT-5")
async def test_a_flash_value_that_it_read_is_used_up_in_the_new_session_too(store: Store) -> None:
    gate = Gate()

    async def show(request: Request) -> Response:
        message = own(request).get("message")
        await gate.wait()
        return answer(message)

    browser = Browser(site(begin, show, log_in, everything, store=store))
    await browser.get("/begin")
    await browser.get("/flash", message="hello")
    reply = await slow(gate, browser, "/show", lambda: browser.get("/log_in"))
    assert reply.json() == "hello"
    assert (await browser.get("/everything")).json()["data"] == LOGGED_IN


@pytest.mark.promise("ROT-5", "OUT-2")
async def test_a_logout_after_the_login_is_told_to_who_saves(store: Store) -> None:
    gate = Gate()

    async def act(request: Request) -> Response:
        own(request)["late"] = "1"
        await gate.wait()
        try:
            await own(request).save()
        except SessionEnded:
            return answer("over")
        return answer("saved")

    async def meanwhile() -> None:
        await browser.get("/log_in")
        await browser.get("/destroy")

    browser = Browser(site(begin, act, log_in, store=store))
    await browser.get("/begin")
    reply = await slow(gate, browser, "/act", meanwhile)
    assert (reply.json(), reply.set_cookies) == ("over", [])
    assert (await browser.get("/read")).json() == {}


# -- a request that arrives with the old id ----------------------------------------------------------


@pytest.mark.promise("ROT-1", "ROT-5")
async def test_a_request_that_arrives_later_sees_only_what_was_set_with_the_old_id(store: Store) -> None:
    browser = Browser(site(begin, log_in, everything, store=store))
    await browser.get("/begin")
    late = browser.copy()
    await browser.get("/log_in")
    reply = await late.get("/everything")
    assert reply.json() == {"data": {}, "flash": [], "owner": None, "new": True}
    assert (await late.get("/write", a="of the old id")).set_cookies == []
    await late.get("/flash", message="for the old id")
    assert (await late.get("/increment", key="n")).json() == 1
    assert (await late.get("/everything")).json()["data"] == {
        "a": "of the old id",
        "message": "for the old id",
        "n": 1,
    }
    assert (await late.get("/message")).json() == "for the old id"
    assert (await late.get("/message")).json() is None
    # Of all that only the increment is in the new session.
    assert (await browser.get("/everything")).json()["data"] == {**LOGGED_IN, "n": 2}


@pytest.mark.promise("ROT-5", "NEW-2")
@pytest.mark.parametrize("change", ["/write?late=1", "/increment?key=late", "/flash?late=1"])
async def test_a_change_with_the_old_id_of_an_ended_session_begins_a_new_one(
    store: Store, change: str
) -> None:
    async def leave(request: Request) -> Response:
        own(request).rotate()
        await own(request).save()
        own(request).destroy()
        return answer()

    browser = Browser(site(begin, leave, everything, store=store))
    await browser.get("/begin")
    late = browser.copy()
    await browser.get("/leave")
    reply = await late.get(change)
    assert reply.set_cookies
    assert list((await late.get("/everything")).json()["data"]) == ["late"]
    begun = late.cookie()
    await late.get("/rotate")
    assert late.cookie() != begun, "it is a session as any other"
