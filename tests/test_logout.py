"""OUT-3, OUT-4, OWN-2: a logout holds, whatever becomes of its response and whatever happens beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from support import (
    KEY,
    Browser,
    Gate,
    Network,
    Reply,
    Trouble,
    Unsure,
    Watched,
    answer,
    key_of,
    own,
    site,
    slow,
)

from sessions import (
    CookieStore,
    MemoryStore,
    SessionEnded,
    SessionMiddleware,
    Store,
    StoreUnavailable,
    WriteConflict,
)

pytestmark = pytest.mark.anyio

KINDS: dict[str, Callable[[], Any]] = {"id": MemoryStore, "content": CookieStore}


async def log_in(request: Request) -> Response:
    session = own(request)
    session.rotate()
    session.owner = request.query_params.get("owner", "ada")
    session["user"] = "ada"
    return answer()


async def clear(request: Request) -> Response:
    request.session.clear()
    return answer()


async def key(request: Request) -> Response:
    return answer(own(request).key)


async def secret(request: Request) -> Response:
    return answer(own(request).id)


async def whose(request: Request) -> Response:
    return answer(own(request).owner)


# -- OUT-4: whatever becomes of the response ---------------------------------------------------------


async def then_raises(request: Request) -> Response:
    own(request).destroy()
    own(request)["after"] = "1"
    raise Trouble


async def then_500(request: Request) -> Response:
    own(request).destroy()
    own(request)["after"] = "1"
    return answer(status_code=500)


async def then_503(request: Request) -> Response:
    own(request).clear()
    raise HTTPException(503)


async def then_404(request: Request) -> Response:
    own(request).destroy()
    raise HTTPException(404)


async def after_changes(request: Request) -> Response:
    session = own(request)
    session.rotate()
    session.owner = "bob"
    session["before"] = [1]
    session.destroy()
    raise Trouble


async def saved_before(request: Request) -> Response:
    session = own(request)
    session["before"] = "1"
    await session.save()
    session.destroy()
    raise Trouble


async def saved_itself(request: Request) -> Response:
    own(request).destroy()
    await own(request).save()
    raise Trouble


FAILING = [then_raises, then_500, then_503, then_404, after_changes, saved_before, saved_itself]


@pytest.mark.promise("OUT-4", "OUT-1", "COOKIE-4")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("handler", FAILING, ids=lambda each: each.__name__)
@pytest.mark.asvs("7.4.1")
async def test_a_logout_holds_whatever_its_page_does(kind: str, handler: Any) -> None:
    app = site(log_in, *FAILING, store=KINDS[kind](), encryption_key=KEY)
    browser = Browser(app)
    await browser.get("/write", user="ada")
    await browser.get("/flash", message="hello")
    thief = browser.copy()
    reply = await browser.get(f"/{handler.__name__}")
    assert reply.status == {"then_503": 503, "then_404": 404}.get(handler.__name__, 500)
    assert (await browser.get("/read")).json() == {}
    if kind == "id":
        assert (await thief.get("/read")).json() == {}
    if kind == "content" or reply.error is None:
        assert browser.jar == {}


@pytest.mark.promise("OUT-4")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("handler", FAILING, ids=lambda each: each.__name__)
async def test_also_with_the_middleware_around_the_whole_app(kind: str, handler: Any) -> None:
    """Then the framework's page for the exception comes by as a response."""
    inner = site(*FAILING, store=MemoryStore(), session_cookie_name="other")
    del inner.user_middleware[:]
    browser = Browser(SessionMiddleware(inner, KINDS[kind](), encryption_key=KEY))
    await browser.get("/write", user="ada")
    thief = browser.copy()
    await browser.get(f"/{handler.__name__}")
    assert browser.jar == {}
    assert (await browser.get("/read")).json() == {}
    if kind == "id":
        assert (await thief.get("/read")).json() == {}


@pytest.mark.promise("OUT-4")
@pytest.mark.parametrize("how", ["time limit", "client gone"])
async def test_a_logout_that_is_cancelled_holds(store: Store, how: str) -> None:
    gate = Gate()

    async def half(request: Request) -> Response:
        own(request).destroy()
        if how == "time limit":
            with anyio.fail_after(0):
                await gate.wait()
        await gate.wait()
        return answer()

    browser = Browser(site(half, store=store))
    await browser.get("/write", user="ada")
    thief = browser.copy()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(browser.get, "/half")
        await gate.arrival()
        tasks.cancel_scope.cancel()
    assert (await thief.get("/read")).json() == {}


@pytest.mark.promise("OUT-4")
@pytest.mark.parametrize("handler", [then_raises, then_500], ids=lambda each: each.__name__)
async def test_nothing_else_of_a_failed_request_is_kept(store: Store, handler: Any) -> None:
    """Not what was set after the logout: the store holds no session afterwards."""
    watched = Watched(store)
    browser = Browser(site(handler, store=watched))
    await browser.get("/write", user="ada")
    created = watched.calls["create"]
    await browser.get(f"/{handler.__name__}")
    assert watched.calls["create"] == created


@pytest.mark.promise("OUT-4", "BAD-2")
async def test_a_logout_that_the_store_did_not_hear_of_is_a_503_and_can_be_repeated(store: Store) -> None:
    watched = Watched(store)

    async def half(request: Request) -> Response:
        own(request).destroy()
        watched.away = True
        raise Trouble

    browser = Browser(site(half, store=watched))
    await browser.get("/write", user="ada")
    thief = browser.copy()
    reply = await browser.get("/half")
    assert isinstance(reply.error, (Trouble, StoreUnavailable)) or reply.status == 503
    assert reply.set_cookies == []  # it would look like a logout
    watched.away = False
    assert (await browser.get("/read")).json() == {"user": "ada"}
    await browser.get("/destroy")
    assert (await thief.get("/read")).json() == {}


# -- OUT-3: clear ------------------------------------------------------------------------------------


@pytest.mark.promise("OUT-3", "OUT-1", "COOKIE-4")
@pytest.mark.parametrize("kind", KINDS)
async def test_clear_is_a_logout(kind: str) -> None:
    store = KINDS[kind]()
    browser = Browser(site(clear, whose, log_in, store=store, encryption_key=KEY))
    await browser.get("/log_in")
    await browser.get("/flash", message="hello")
    thief = browser.copy()
    reply = await browser.get("/clear")
    assert (reply.status, len(reply.set_cookies)) == (200, 1)
    assert browser.jar == {}
    assert (await browser.get("/read")).json() == {}
    assert (await browser.get("/whose")).json() is None
    if kind == "id":
        assert (await thief.get("/read")).json() == {}
        assert await store.sessions_of("ada") == []


@pytest.mark.promise("OUT-3", "FLASH-1")
@pytest.mark.parametrize("kind", KINDS)
async def test_clear_takes_flash_values_along_and_what_is_set_afterwards_starts_anew(kind: str) -> None:
    async def restart(request: Request) -> Response:
        session = own(request)
        session.flash("first", "1")
        session.clear()
        assert dict(session) == {}
        assert not session.is_flash("message")
        session["message"] = "no flash"
        return answer()

    browser = Browser(site(restart, store=KINDS[kind](), encryption_key=KEY))
    await browser.get("/flash", message="hello", other="hello")
    await browser.get("/restart")
    for _ in range(2):
        assert (await browser.get("/message")).json() == "no flash"
    assert (await browser.get("/read")).json() == {"message": "no flash"}


@pytest.mark.promise("OUT-3", "OUT-2")
@pytest.mark.parametrize("first", ["the write", "the logout"])
async def test_clear_beside_a_write_leaves_nothing(store: Store, first: str) -> None:
    """Starlette's `clear` would leave whatever another request wrote meanwhile."""
    gate = Gate()

    async def slow_clear(request: Request) -> Response:
        assert request.session["user"] == "ada"
        await gate.wait()
        request.session.clear()
        return answer()

    async def slow_write(request: Request) -> Response:
        own(request).increment("n")
        request.session["late"] = "1"
        await gate.wait()
        return answer()

    browser = Browser(site(clear, slow_clear, slow_write, store=store))
    await browser.get("/write", user="ada")
    await browser.get("/flash", message="hello")
    thief = browser.copy()
    if first == "the write":
        await slow(gate, browser, "/slow_clear", lambda: browser.get("/write?late=1"))
    else:
        await slow(gate, browser, "/slow_write", lambda: browser.get("/clear"))
    assert browser.jar == {}
    assert (await browser.get("/read")).json() == {}
    assert (await thief.get("/read")).json() == {}


# -- OUT-4: beside a rotation ------------------------------------------------------------------------


@pytest.mark.promise("OUT-4", "ROT-5")
@pytest.mark.parametrize("rotations", [1, 2, 5])
@pytest.mark.parametrize("when", ["before", "after", "with save()"])
async def test_a_logout_that_loaded_before_a_login_ends_what_follows(
    store: Store, rotations: int, when: str
) -> None:
    gate = Gate()

    async def log_out(request: Request) -> Response:
        own(request).get("user")
        if when == "before":
            own(request).destroy()
        await gate.wait()
        if when != "before":
            own(request).destroy()
        if when == "with save()":
            await own(request).save()
        return answer()

    browser = Browser(site(log_in, log_out, store=store))
    await browser.get("/write", a="1")
    copies = [browser.copy()]

    async def rotate() -> None:
        for _ in range(rotations):
            await browser.get("/log_in")
            copies.append(browser.copy())

    reply = await slow(gate, browser, "/log_out", rotate)
    assert (reply.status, len(reply.set_cookies)) == (200, 1)
    assert browser.jar == {}
    for each in copies:
        assert (await each.get("/read")).json() == {}
    assert await store.sessions_of("ada") == []


@pytest.mark.promise("OUT-4")
async def test_nor_does_the_logins_cookie_that_comes_after_the_logout_bring_it_back(store: Store) -> None:
    gate = Gate()

    async def log_out(request: Request) -> Response:
        own(request).get("user")
        await gate.wait()
        own(request).destroy()
        return answer()

    network = Network(site(log_in, log_out, store=store))
    browser = Browser(network)
    await browser.get("/write", a="1")
    login = network.hold_back("slow")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(browser.get, "/log_out")
        await gate.arrival()
        tasks.start_soon(browser.get, "/log_in?slow=1")
        await login.arrival()  # saved, and its cookie is on the way
        gate.open()
        while browser.cookie() is not None:
            await anyio.lowlevel.checkpoint()
        login.open()
    assert browser.cookie() is not None
    assert (await browser.get("/read")).json() == {}


@pytest.mark.promise("OUT-4")
async def test_a_logout_with_the_old_id_ends_what_follows(store: Store) -> None:
    """Who logs out means the session that they began, whatever its id is by now."""
    browser = Browser(site(log_in, store=store))
    await browser.get("/write", a="1")
    late = browser.copy()
    await browser.get("/log_in")
    reply = await late.get("/destroy")
    assert (reply.status, len(reply.set_cookies)) == (200, 1)
    assert (await browser.get("/read")).json() == {}
    assert await store.sessions_of("ada") == []


@pytest.mark.promise("OUT-4")
@pytest.mark.parametrize("moment", ["create", "replace"])
async def test_a_logout_in_the_middle_of_a_rotation_holds(store: Store, moment: str) -> None:
    watched = Watched(store)
    browser = Browser(site(log_in, store=watched))
    await browser.get("/write", a="1")
    before = browser.copy()

    async def log_out(name: str) -> None:
        if name == moment:
            watched.before = None
            await before.get("/destroy")

    watched.before = log_out
    assert (await browser.get("/log_in")).set_cookies == []
    assert watched.before is None
    for each in (browser, before):
        assert (await each.get("/read")).json() == {}
    assert await store.sessions_of("ada") == []


# -- OWN-2: ending somebody's sessions while they rotate ---------------------------------------------


class Restless:
    """Browsers of one user that ask for a new id again and again, as long as they are logged in."""

    LIMIT = 1000
    """Rotations of all of them, after which they give up: far more than it takes to end them."""

    def __init__(self, store: Store, number: int) -> None:
        self.app = site(log_in, whose, key, secret, store=store)
        self.browsers = [Browser(self.app) for _ in range(number)]
        self.rotations = 0
        self.stopped = False

    async def log_in(self) -> None:
        for browser in self.browsers:
            await browser.get("/log_in")

    async def go_on(self, browser: Browser) -> None:
        while not self.stopped and self.rotations < self.LIMIT:
            reply = await browser.get("/rotate")
            assert reply.status == 200
            self.rotations += 1
            if not reply.set_cookies:
                return
            await anyio.lowlevel.checkpoint()

    async def beside(self, act: Callable[[], Awaitable[Any]]) -> Any:
        """What the act says that is done while all rotate, and have done so for a while."""
        result = None
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                for browser in self.browsers:
                    tasks.start_soon(self.go_on, browser)
                while self.rotations < len(self.browsers):
                    await anyio.lowlevel.checkpoint()
                result = await act()
                self.stopped = True
        return result


@pytest.mark.promise("OWN-2")
@pytest.mark.asvs("7.4.2")
async def test_none_of_twenty_sessions_that_rotate_all_the_time_escapes(store: Store) -> None:
    restless = Restless(store, 20)
    await restless.log_in()
    ended = await restless.beside(lambda: store.destroy_all("ada"))
    assert ended == 20
    for browser in restless.browsers:
        assert (await browser.get("/whose")).json() is None
    assert await store.sessions_of("ada") == []


@pytest.mark.promise("OWN-2")
@pytest.mark.asvs("7.4.3")
async def test_the_excepted_one_lives_on_while_it_rotates(store: Store) -> None:
    restless = Restless(store, 20)
    await restless.log_in()
    mine = restless.browsers[7]
    # Read before the others begin: by the time it is used it has been replaced several times.
    spared = (await mine.get("/key")).json()
    ended = await restless.beside(lambda: store.destroy_all("ada", except_key=spared))
    assert ended == 19
    assert (await mine.get("/whose")).json() == "ada"
    for browser in restless.browsers:
        assert ((await browser.get("/whose")).json() is not None) == (browser is mine)
    assert [each.key for each in await store.sessions_of("ada")] == [(await mine.get("/key")).json()]


@pytest.mark.promise("OWN-2")
async def test_one_that_is_ended_by_its_key_does_not_escape_by_rotating(store: Store) -> None:
    restless = Restless(store, 3)
    await restless.log_in()
    mine, theirs, _ = restless.browsers
    listed = (await theirs.get("/key")).json()
    assert await restless.beside(lambda: store.destroy(listed))
    assert (await theirs.get("/whose")).json() is None
    assert (await mine.get("/whose")).json() == "ada"
    assert len(await store.sessions_of("ada")) == 2
    assert not await store.destroy(listed)


@pytest.mark.promise("OWN-1", "OWN-2")
async def test_ending_by_key_ends_that_one_alone(store: Store) -> None:
    app = site(log_in, whose, key, store=store)
    browsers = [Browser(app) for _ in range(3)]
    for browser in browsers:
        await browser.get("/log_in")
    keys = [(await browser.get("/key")).json() for browser in browsers]
    assert {each.key for each in await store.sessions_of("ada")} == set(keys)
    assert await store.destroy(keys[1])
    assert [(await browser.get("/whose")).json() for browser in browsers] == ["ada", None, "ada"]
    assert not await store.destroy(keys[1])
    assert not await store.destroy("0" * 64)


class Endless(Watched):
    """Whoever loads a session finds it under a new id again."""

    async def replace(self, key: str, record: Any, *, expected: int) -> bool:
        self.calls["replace"] = self.calls.get("replace", 0) + 1
        return False


@pytest.mark.promise("OWN-2")
@pytest.mark.parametrize("how", ["destroy", "destroy_all"])
async def test_it_raises_if_it_cannot_be_sure(how: str) -> None:
    memory = MemoryStore()
    browser = Browser(site(log_in, key, store=memory))
    await browser.get("/log_in")
    listed = (await browser.get("/key")).json()
    with pytest.raises(WriteConflict):
        await (Endless(memory).destroy(listed) if how == "destroy" else Endless(memory).destroy_all("ada"))


@pytest.mark.promise("OWN-2")
async def test_ending_is_tried_again_where_an_answer_was_lost(store: Store) -> None:
    unsure = Unsure(store)
    browsers = [Browser(site(log_in, whose, store=store)) for _ in range(3)]
    for browser in browsers:
        await browser.get("/log_in")
    unsure.lose("replace", 2)
    with pytest.raises(StoreUnavailable):
        await unsure.destroy_all("ada")
    await unsure.destroy_all("ada")
    assert [(await browser.get("/whose")).json() for browser in browsers] == [None] * 3
    assert await store.sessions_of("ada") == []


@pytest.mark.promise("OWN-2")
async def test_a_login_that_was_made_after_the_call_is_not_ended(store: Store) -> None:
    """`destroy_all` ends what there is at the call, not what a user does next."""
    watched = Watched(store)
    app = site(log_in, whose, store=watched)
    old, new = Browser(app), Browser(app)
    await old.get("/log_in")

    async def log_in_again(name: str) -> None:
        if name == "delete":
            watched.before = None
            await new.get("/log_in")

    watched.before = log_in_again
    assert await watched.destroy_all("ada") == 1
    assert (await old.get("/whose")).json() is None
    assert (await new.get("/whose")).json() == "ada"


@pytest.mark.promise("OUT-1", "OWN-1")
async def test_a_logout_leaves_no_record_behind(store: Store) -> None:
    browser = Browser(site(log_in, secret, store=store))
    keys = []
    for url in ("/write?a=1", "/log_in", "/rotate"):
        await browser.get(url)
        keys.append(key_of((await browser.get("/secret")).json()))
    late = browser.copy()
    await browser.get("/destroy")
    assert await store.load(keys[-1]) is None
    assert (await late.get("/read")).json() == {}


@pytest.mark.promise("SAVE-3: what was refused is refused once")
@pytest.mark.parametrize("again", [False, True], ids=["by the response", "by save()"])
async def test_a_change_of_an_ended_session_is_refused_once(again: bool) -> None:
    """After a save whose answer is lost. With a list in it, the session's whole text is compared."""
    gate, store = Gate(), Unsure()
    refused: list[Exception] = []

    async def begin(request: Request) -> Response:
        request.session.update({"n": 1, "cart": [1]})
        return answer()

    async def act(request: Request) -> Response:
        session = own(request)
        session.increment("n")
        await gate.wait()
        store.lose("replace")
        with pytest.raises(StoreUnavailable):
            await session.save()
        session.increment("n")
        session["cart"].append(2)
        if again:
            try:
                await session.save()
            except SessionEnded as error:
                refused.append(error)
        return answer()

    browser = Browser(site(begin, act, store=store))
    await browser.get("/begin")
    other = browser.copy()
    replies: list[Reply] = []

    async def visit() -> None:
        replies.append(await browser.get("/act"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(visit)
        await gate.arrival()
        await other.get("/destroy")
        gate.open()
    assert [(reply.status, reply.error) for reply in replies] == [(200, None)]
    assert len(refused) == again
