"""ROT-6: a login whose answer was lost, or that was sent twice, and then comes again with the old id."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, Gate, Network, answer, own, site

from sessions import Session, Store
from sessions._carriers.id import TOMBSTONE_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.promise("ROT-6")]


async def begin(request: Request) -> Response:
    request.session.update(before="login", cart=["bread"])
    return answer()


async def log_in(request: Request) -> Response:
    """As an app does it: a new id, an owner, some data of theirs, a count."""
    session, given = own(request), dict(request.query_params)
    session.rotate()
    session.owner = given.pop("owner")
    session.increment("logins")
    session.update(given)
    return answer()


async def everything(request: Request) -> Response:
    session = own(request)
    return answer({"data": dict(session), "owner": session.owner, "key": session.key})


LOGGED_IN = {"before": "login", "cart": ["bread"], "logins": 1}


async def lost_login(store: Store, *handlers: Any, **options: Any) -> tuple[Browser, Browser]:
    """Who still holds the old id, and who got the answer that was lost."""
    browser = Browser(site(begin, log_in, everything, *handlers, store=store, **options))
    await browser.get("/begin")
    lost = browser.copy()
    await lost.get("/log_in", owner="ada", first="1")
    return browser, lost


@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_the_same_owner_gets_the_same_session(store: Store, encryption_key: str | None) -> None:
    browser, lost = await lost_login(store, encryption_key=encryption_key)
    first = (await lost.get("/everything")).json()
    reply = await browser.get("/log_in", owner="ada", second="1")
    assert len(reply.set_cookies) == 1
    seen = (await browser.get("/everything")).json()
    assert seen["data"] == {**LOGGED_IN, "logins": 2, "first": "1", "second": "1"}
    assert (seen["owner"], seen["key"]) == ("ada", first["key"])
    if encryption_key is None:
        assert browser.cookie() == lost.cookie()
    assert [session.key for session in await store.sessions_of("ada")] == [first["key"]]


async def test_an_answer_may_be_lost_several_times(store: Store) -> None:
    browser, _ = await lost_login(store)
    for _ in range(3):
        await browser.copy().get("/log_in", owner="ada")
    await browser.get("/log_in", owner="ada")
    assert (await browser.get("/everything")).json()["data"] == {**LOGGED_IN, "logins": 5, "first": "1"}
    assert len(await store.sessions_of("ada")) == 1


async def test_what_the_new_session_has_done_since_is_there(store: Store) -> None:
    browser, lost = await lost_login(store)
    await lost.get("/write", since="1")
    await lost.get("/rotate", step="up")
    await browser.get("/log_in", owner="ada")
    data = (await browser.get("/everything")).json()["data"]
    assert data == {**LOGGED_IN, "logins": 2, "first": "1", "since": "1", "step": "up"}
    assert browser.cookie() == lost.cookie()


@pytest.mark.parametrize("way", ["owner alone", "save by hand"])
async def test_however_the_app_logs_in(store: Store, way: str) -> None:
    async def sign_in(request: Request) -> Response:
        session = own(request)
        if way == "save by hand":
            session.rotate()
        session.owner = "ada"
        session["second"] = "1"
        if way == "save by hand":
            await session.save()
        return answer(dict(session))

    browser, _ = await lost_login(store, sign_in)
    reply = await browser.get("/sign_in")
    assert len(reply.set_cookies) == 1
    if way == "save by hand":  # from then on the handler has it all
        assert reply.json() == {**LOGGED_IN, "first": "1", "second": "1"}
    seen = (await browser.get("/everything")).json()
    assert (seen["data"], seen["owner"]) == ({**LOGGED_IN, "first": "1", "second": "1"}, "ada")


@pytest.mark.parametrize("who", ["bob", ""])
async def test_another_begins_anew_and_the_log_says_so(
    store: Store, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def nobody(request: Request) -> Response:
        own(request).rotate()
        own(request)["mine"] = "1"
        return answer()

    browser, lost = await lost_login(store, nobody)
    with caplog.at_level(logging.WARNING, "sessions"):
        reply = await browser.get("/log_in?owner=bob&mine=1" if who else "/nobody")
    assert (reply.status, len(reply.set_cookies)) == (200, 1)
    (line,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert "began a new session" in line
    seen = (await browser.get("/everything")).json()
    assert seen["data"] == {"mine": "1", **({"logins": 1} if who else {})}
    assert seen["owner"] == (who or None)
    assert browser.cookie() != lost.cookie()
    data = (await lost.get("/everything")).json()["data"]
    assert (data["first"], data["before"]) == ("1", "login")
    assert "mine" not in data


@pytest.mark.promise("SAVE-3")
async def test_a_login_that_begins_anew_without_values_is_no_late_change(store: Store) -> None:
    """The values that were kept beside the old id are gone: the new session has an owner and nothing else."""

    async def add(request: Request) -> Response:
        own(request).update("cart", lambda cart: [*(cart or []), "milk"])
        return answer()

    async def sign_in(request: Request) -> Response:
        own(request).rotate()
        own(request).owner = "bob"
        return answer()

    browser, _ = await lost_login(store, add, sign_in)
    await browser.get("/add")
    reply = await browser.get("/sign_in")
    assert (reply.status, reply.error, len(reply.set_cookies)) == (200, None, 1)
    assert (await browser.get("/everything")).json()["data"] == {}


async def test_a_rotation_without_owner_and_without_data_gets_nothing(store: Store) -> None:
    browser, lost = await lost_login(store)
    reply = await browser.get("/rotate")
    assert (reply.status, reply.set_cookies) == (200, [])
    assert (await browser.get("/read")).json() == {}
    assert (await lost.get("/everything")).json()["data"] == {**LOGGED_IN, "first": "1"}


async def test_the_login_form_works_with_the_old_id(store: Store) -> None:
    """Its token is in a session, and that must be there when the form comes back."""

    async def form(request: Request) -> Response:
        token = request.session.setdefault("csrf", request.query_params["token"])
        return answer(token)

    async def submit(request: Request) -> Response:
        if request.session.get("csrf") != request.query_params["token"]:
            return answer("wrong token", status_code=403)
        return await log_in(request)

    browser, lost = await lost_login(store, form, submit)
    assert (await browser.get("/form", token="guess")).json() == "guess"
    assert (await browser.get("/form", token="other")).json() == "guess"  # it is kept
    assert (await browser.get("/submit", token="wrong", owner="ada")).status == 403
    reply = await browser.get("/submit", token="guess", owner="ada")
    assert (reply.status, len(reply.set_cookies)) == (200, 1)
    data = (await browser.get("/everything")).json()["data"]
    assert data == {**LOGGED_IN, "logins": 2, "first": "1", "token": "guess"}
    assert browser.cookie() == lost.cookie()


@pytest.mark.parametrize("owner", ["ada", "bob"])
async def test_after_a_minute_the_old_id_is_nothing(store: Store, clock: Clock, owner: str) -> None:
    browser, lost = await lost_login(store)
    clock.go(TOMBSTONE_SECONDS - 1)
    in_time = browser.copy()
    await in_time.get("/log_in", owner="ada")
    assert in_time.cookie() == lost.cookie()
    clock.go(1)
    assert (await browser.get("/read")).json() == {}
    reply = await browser.get("/log_in", owner=owner, late="1")
    assert len(reply.set_cookies) == 1
    seen = (await browser.get("/everything")).json()
    assert (seen["data"], seen["owner"]) == ({"late": "1", "logins": 1}, owner)
    assert browser.cookie() != lost.cookie()
    assert (await lost.get("/everything")).json()["data"] == {**LOGGED_IN, "logins": 2, "first": "1"}


async def test_after_the_logout_a_login_with_the_old_id_begins_anew(store: Store) -> None:
    browser, lost = await lost_login(store)
    thief = lost.copy()
    await lost.get("/destroy")
    await browser.get("/log_in", owner="ada", late="1")
    seen = (await browser.get("/everything")).json()
    assert seen["data"] == {"late": "1", "logins": 1}
    assert (await thief.get("/read")).json() == {}


# -- a double click ----------------------------------------------------------------------------------


@pytest.mark.parametrize("saved_first", ["one", "two"])
@pytest.mark.parametrize("answered_first", ["one", "two"])
async def test_two_logins_at_once_end_logged_in(store: Store, saved_first: str, answered_first: str) -> None:
    """Both have loaded the same session; they are saved in one order and answered in another."""
    handlers = {"one": Gate(), "two": Gate()}

    async def sign_in(request: Request) -> Response:
        who = request.query_params["who"]
        own(request).get("before")
        await handlers[who].wait()
        session = own(request)
        session.rotate()
        session.owner = "ada"
        session.increment("logins")
        session[who] = "1"
        return answer()

    network = Network(site(begin, sign_in, everything, store=store))
    browser = Browser(network)
    await browser.get("/begin")
    replies = {}

    async def send(who: str) -> None:
        replies[who] = await browser.get(f"/sign_in?who={who}")

    def other(who: str) -> str:
        return "two" if who == "one" else "one"

    async with anyio.create_task_group() as tasks:
        answers = {who: network.hold_back(f"who={who}") for who in handlers}
        for who, handler in handlers.items():
            tasks.start_soon(send, who)
            await handler.arrival()
        for who in (saved_first, other(saved_first)):
            handlers[who].open()
            await answers[who].arrival()
        for who in (answered_first, other(answered_first)):
            answers[who].open()
            while who not in replies:
                await anyio.lowlevel.checkpoint()
    assert [reply.status for reply in replies.values()] == [200, 200]
    seen = (await browser.get("/everything")).json()
    assert seen["data"] == {**LOGGED_IN, "logins": 2, "one": "1", "two": "1"}
    assert seen["owner"] == "ada"
    assert len(await store.sessions_of("ada")) == 1


async def test_two_steps_up_of_one_user_at_once_end_logged_in(store: Store) -> None:
    """`rotate()` alone, by who is logged in already."""
    gates = [Gate(), Gate()]

    async def step_up(request: Request) -> Response:
        number = int(request.query_params["number"])
        own(request).get("before")
        await gates[number].wait()
        own(request).rotate()
        return answer()

    browser = Browser(site(begin, log_in, step_up, everything, store=store))
    await browser.get("/begin")
    await browser.get("/log_in", owner="ada")
    replies = []

    async def send(number: int) -> None:
        replies.append(await browser.get(f"/step_up?number={number}"))

    async with anyio.create_task_group() as tasks:
        for number, gate in enumerate(gates):
            tasks.start_soon(send, number)
            await gate.arrival()
        for gate in gates:
            gate.open()
    cookies = {reply.set_cookies[0] for reply in replies}
    assert len(cookies) == 1
    assert (await browser.get("/everything")).json()["data"] == LOGGED_IN
    assert len(await store.sessions_of("ada")) == 1


# -- what a login must not give away -----------------------------------------------------------------


async def test_the_old_id_alone_shows_nothing_of_the_new_session(store: Store) -> None:
    """Also not to a handler that sets an owner and fails, or that is asked before the commit."""
    seen: list[Any] = []

    async def spy(request: Request) -> Response:
        session: Session = own(request)
        session.rotate()
        session.owner = "ada"
        seen.append([dict(session), session.id, session.key, session.is_new])
        return answer(status_code=500)

    browser, lost = await lost_login(store, spy)
    reply = await browser.get("/spy")
    assert seen == [[{}, None, None, True]]
    assert (reply.status, reply.set_cookies) == (500, [])
    assert (await lost.get("/everything")).json()["data"] == {**LOGGED_IN, "first": "1"}
