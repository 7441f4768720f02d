"""CONC-5: a change counts once, whatever becomes of the store's answer."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Repeating, Unsure, Watched, answer, key_of, own, site

from sessions import Session, Store, StoreUnavailable, WriteConflict, _turns
from sessions._record import REMEMBERED_COMMITS, moved_to, split, unpack
from sessions._turns import Retry

pytestmark = [pytest.mark.anyio, pytest.mark.promise("CONC-5")]


async def begin(request: Request) -> Response:
    request.session.update(a="1", n=1, cart=["bread"])
    own(request).flash("message", "hello")
    return answer()


async def everything(request: Request) -> Response:
    session = own(request)
    return answer([dict(session), [key for key in session if session.is_flash(key)], session.owner])


def change_all(session: Session) -> None:
    """Each kind of change; those that would show if they were done twice come first."""
    session.increment("n")
    session.increment("new")
    session.update("cart", lambda cart: [*(cart or []), "milk"])
    session.get("message")
    session.flash("next", "again")
    session.set("b", "2")
    session.forget("a")


CHANGED = {"n": 2, "new": 1, "cart": ["bread", "milk"], "next": "again", "b": "2"}
CHANGED_BEGINNING = {"n": 1, "new": 1, "cart": ["milk"], "next": "again", "b": "2"}

MORE_THAN_REMEMBERED = 2 * REMEMBERED_COMMITS + 1
"""Commits after which a record has forgotten whatever came before them."""

WAYS = ["plain", "rotate", "log in"]


def change(session: Session, way: str) -> None:
    change_all(session)
    if way != "plain":
        session.rotate()
    if way == "log in":
        session.owner = "ada"


async def save_unheard(session: Session, unsure: Unsure, number: int = 1) -> None:
    """Save so that the answer is lost: of the replacement with this number, from now on."""
    unsure.lose("replace", number)
    with pytest.raises(StoreUnavailable):
        await session.save()


async def saved_until_heard(session: Session) -> int:
    """Save until an answer comes back; how often it did not."""
    for failures in range(10):
        try:
            await session.save()
        except StoreUnavailable:
            continue
        return failures
    raise AssertionError("no save was ever heard of")


class TestLostAnswers:
    @pytest.mark.parametrize("lost", [("create", 1), ("replace", 1), ("replace", 2)], ids=str)
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("others", [0, 1, REMEMBERED_COMMITS - 1])
    async def test_saving_again_finds_out(
        self, store: Store, lost: tuple[str, int], way: str, others: int
    ) -> None:
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            session = own(request)
            change(session, way)
            unsure.lose(*lost)
            for _ in range(3):
                try:
                    await session.save()
                except StoreUnavailable:
                    for _ in range(others):
                        await elsewhere.get("/increment?key=others")
            await session.save()
            unsure.losing.clear()
            return answer(dict(session))

        browser = Browser(site(begin, everything, act, store=unsure))
        await browser.get("/begin")
        elsewhere = browser.copy()
        reply = await browser.get("/act")
        assert reply.status == 200
        data, flashes, owner = (await browser.get("/everything")).json()
        by_others = data.pop("others", 0)
        assert (data, flashes) == (CHANGED, ["next"])
        assert owner == ("ada" if way == "log in" else None)
        assert by_others == (others if unsure.lost else 0)

    @pytest.mark.parametrize("way", WAYS)
    async def test_what_cannot_be_told_any_more_is_not_counted_again(self, store: Store, way: str) -> None:
        """So many others have saved since that the record has forgotten it: 503, and it counts once."""
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            session = own(request)
            change(session, way)
            await save_unheard(session, unsure)
            for _ in range(MORE_THAN_REMEMBERED):
                await elsewhere.get("/increment?key=others")
            for _ in range(2):
                with pytest.raises(WriteConflict, match="cannot be told"):
                    await session.save()
            return answer()

        browser = Browser(site(begin, everything, act, store=unsure))
        await browser.get("/begin")
        elsewhere = browser.copy()
        reply = await browser.get("/act")
        assert (reply.status, reply.error, reply.set_cookies) == (503, None, [])
        payloads = [record.payload async for _, record in store.scan()]
        data = [unpack(split(payload)[0]).data for payload in payloads if not moved_to(payload)]
        assert data == [{**CHANGED, "others": MORE_THAN_REMEMBERED}]

    @pytest.mark.parametrize("lost", [1, 2], ids=["of the session", "of the old id"])
    @pytest.mark.parametrize("others_send", ["the new id", "the old id"])
    async def test_nor_is_what_was_written_with_an_old_id(
        self, store: Store, lost: int, others_send: str
    ) -> None:
        """Of two writes, to the session and beside the old id, one answer is lost; then others save a lot."""
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            own(request).increment("n")
            own(request)["late"] = "1"
            await save_unheard(own(request), unsure, lost)
            others = other if others_send == "the new id" else browser.copy()
            for _ in range(MORE_THAN_REMEMBERED):
                await others.get("/increment?key=others")
            return answer()

        browser = Browser(site(begin, act, store=unsure))
        await browser.get("/begin")
        other = browser.copy()
        await other.get("/rotate")
        reply = await browser.get("/act")
        is_known = (lost, others_send) == (2, "the new id")
        assert (reply.status, reply.error) == (200 if is_known else 503, None)
        assert (await other.get("/read")).json()["n"] == 2
        beside = (await browser.get("/read")).json()
        assert beside.get("late") == ("1" if lost == 2 else None)
        assert beside.get("n", 1) == 1

    async def test_a_rotation_settles_what_was_in_doubt_before_it(self, store: Store) -> None:
        """It has written the key itself, so that what an old id does to it is over (ROT-5)."""
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            own(request).increment("n")
            own(request)["late"] = "1"
            await save_unheard(own(request), unsure)
            await other.get("/rotate?n=7")
            return answer()

        browser = Browser(site(begin, act, store=unsure))
        await browser.get("/begin")
        other = browser.copy()
        await other.get("/rotate")
        await other.get("/increment?key=others")
        assert (await browser.get("/act")).status == 200
        assert (await other.get("/read")).json()["n"] == "7"
        assert (await browser.get("/read")).json()["late"] == "1"

    async def test_what_others_were_faster_than_is_known_not_to_be_done(self, store: Store) -> None:
        """Also if they save so often between two tries that the record forgets all that was before."""

        async def be_faster(verb: str) -> None:
            if verb == "replace" and watched.calls["replace"] <= 3:
                for _ in range(MORE_THAN_REMEMBERED):
                    await elsewhere.get("/increment?key=others")

        async def act(request: Request) -> Response:
            own(request).increment("n")
            watched.before = be_faster
            await own(request).save()
            return answer()

        watched = Watched(store)
        elsewhere = Browser(site(begin, store=store))
        await elsewhere.get("/begin")
        browser = Browser(site(act, store=watched))
        browser.jar = dict(elsewhere.jar)
        assert (await browser.get("/act")).status == 200
        data = (await elsewhere.get("/read")).json()
        assert (data["n"], data["others"]) == (2, 3 * MORE_THAN_REMEMBERED)

    @pytest.mark.parametrize("way", WAYS)
    async def test_the_response_finds_out_too(self, store: Store, way: str) -> None:
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            change(own(request), way)
            await save_unheard(own(request), unsure)
            own(request).increment("n")  # what comes later counts beside it
            return answer()

        browser = Browser(site(begin, everything, act, store=unsure))
        await browser.get("/begin")
        reply = await browser.get("/act")
        assert (reply.status, len(reply.set_cookies)) == (200, 0 if way == "plain" else 1)
        data, flashes, _ = (await browser.get("/everything")).json()
        assert (data, flashes) == ({**CHANGED, "n": 3}, ["next"])

    @pytest.mark.parametrize("way", WAYS)
    async def test_a_session_that_begins_begins_once(self, store: Store, way: str) -> None:
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            change(own(request), way)
            unsure.lose("create")
            assert await saved_until_heard(own(request)) == 1
            return answer()

        browser = Browser(site(everything, act, store=unsure))
        reply = await browser.get("/act")
        assert (reply.status, len(reply.set_cookies)) == (200, 1)
        data, _, owner = (await browser.get("/everything")).json()
        assert data == CHANGED_BEGINNING
        if way == "log in":
            assert owner == "ada"
            # And the page "where you are signed in" shows it once.
            assert len(await store.sessions_of("ada")) == 1

    @pytest.mark.parametrize("verb", ["create", "replace"])
    async def test_a_login_is_listed_once(self, store: Store, verb: str) -> None:
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            change(own(request), "log in")
            unsure.lose(verb)
            assert await saved_until_heard(own(request)) == 1
            return answer()

        browser = Browser(site(begin, everything, act, store=unsure))
        await browser.get("/begin")
        await browser.get("/act")
        assert (await browser.get("/everything")).json() == [CHANGED, ["next"], "ada"]
        assert len(await store.sessions_of("ada")) == 1

    @pytest.mark.parametrize("verb", ["replace", "delete"])
    @pytest.mark.parametrize("rotations", [0, 1])
    async def test_a_logout_is_one_and_what_begins_after_it_begins_once(
        self, store: Store, verb: str, rotations: int
    ) -> None:
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            session = own(request)
            for _ in range(rotations):
                await browser.get("/rotate")
            session.destroy()
            session.increment("n")
            unsure.lose(verb, 1, 2)
            lost = await saved_until_heard(session)
            assert 1 <= lost <= 2
            return answer()

        browser = Browser(site(begin, act, store=unsure))
        await browser.get("/begin")
        before = browser.copy()
        thieves = [before]
        reply = await browser.get("/act")
        assert (reply.status, len(reply.set_cookies)) == (200, 1)
        assert (await browser.get("/read")).json() == {"n": 1}
        for thief in thieves:
            assert (await thief.get("/read")).json() == {}

    async def test_twice_in_a_row(self, store: Store) -> None:
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            session = own(request)
            for _ in range(3):
                session.increment("n")
                unsure.lose("replace", 1, 2)
                with pytest.raises(StoreUnavailable):
                    await session.save()
                session.increment("n")
                await saved_until_heard(session)
            return answer(session["n"])

        browser = Browser(site(begin, act, store=unsure))
        await browser.get("/begin")
        assert (await browser.get("/act")).json() == 7
        assert (await browser.get("/read")).json()["n"] == 7

    @pytest.mark.parametrize("when", ["arrives late", "double click"])
    @pytest.mark.parametrize("sent", [1, 2])
    async def test_a_login_again_with_the_old_id(self, store: Store, when: str, sent: int) -> None:
        """ROT-6: the owner's session is taken over, and what the login wrote is in it once."""
        unsure = Unsure(store)

        async def log_in(request: Request) -> Response:
            session = own(request)
            session.rotate()
            session.owner = "ada"
            session.increment("logins")
            return answer()

        async def again(request: Request) -> Response:
            session = own(request)
            session.get("a")
            if when == "double click":
                await other.get("/log_in")
            session.rotate()
            session.owner = "ada"
            session.increment("logins")
            session["second"] = "1"
            if when == "double click":
                unsure.lose("replace", *range(2, 2 + sent))  # the first is refused
            else:
                unsure.lose("replace", *range(1, 1 + sent))
            assert 1 <= await saved_until_heard(session) <= sent  # the retry finds it done
            unsure.losing.clear()
            return answer()

        browser = Browser(site(begin, everything, log_in, again, store=unsure))
        await browser.get("/begin")
        other = browser.copy()
        if when == "arrives late":
            await other.get("/log_in")
        reply = await browser.get("/again")
        assert (reply.status, len(reply.set_cookies)) == (200, 1)
        data, _, owner = (await browser.get("/everything")).json()
        assert owner == "ada"
        assert data == {
            "a": "1", "n": 1, "cart": ["bread"], "message": "hello", "logins": 2, "second": "1",
        }  # fmt: skip
        assert browser.cookie() == other.cookie()

    async def test_a_login_again_as_another_owner_begins_with_nothing_of_the_old_id(
        self, store: Store
    ) -> None:
        """Not even with what somebody has set with the old id since; it may be an attacker (ROT-3)."""
        unsure = Unsure(store)

        async def log_in(request: Request) -> Response:
            own(request).rotate()
            own(request).owner = request.query_params["owner"]
            own(request).increment("logins")
            if request.query_params["owner"] == "bob":
                unsure.lose("create")
                assert await saved_until_heard(own(request)) == 1
            return answer()

        browser = Browser(site(begin, everything, log_in, store=unsure))
        await browser.get("/begin")
        attacker = browser.copy()
        await browser.copy().get("/log_in", owner="ada")
        await attacker.get("/write", planted="1")
        await browser.get("/log_in", owner="bob")
        assert (await browser.get("/everything")).json() == [{"logins": 1}, [], "bob"]
        assert len(await store.sessions_of("bob")) == 1

    @pytest.mark.parametrize("arrives", ["before", "after"])
    async def test_a_write_beside_a_login(self, store: Store, arrives: str) -> None:
        """ROT-5: it goes to the session with the new id, or beside the old id, once."""
        unsure = Unsure(store)

        async def act(request: Request) -> Response:
            session = own(request)
            session.get("a")
            if arrives == "before":
                await other.get("/rotate?user=ada")
            session.increment("n")
            session["late"] = "1"
            unsure.lose("replace", *((2, 3) if arrives == "before" else (1, 2, 3)))
            lost = await saved_until_heard(session)
            assert lost >= 1
            unsure.losing.clear()
            return answer()

        browser = Browser(site(begin, act, store=unsure))
        await browser.get("/begin")
        other = browser.copy()
        if arrives == "after":
            await other.get("/rotate?user=ada")
        reply = await browser.get("/act")
        assert (reply.status, reply.set_cookies) == (200, [])
        data = (await other.get("/read")).json()
        assert data["n"] == 2
        assert data.get("late") == ("1" if arrives == "before" else None)
        beside = (await browser.get("/read")).json()
        assert beside == ({} if arrives == "before" else {"n": 1, "late": "1"})


class TestCancelledSaves:
    """The client has gone, or a time limit has passed, while the store was at work."""

    @pytest.mark.parametrize("verb", ["create", "replace"])
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("then", ["save", "response"])
    async def test_with_move_on_after(self, store: Store, verb: str, way: str, then: str) -> None:
        unsure = Unsure(store)
        unsure.hanging = True

        async def act(request: Request) -> Response:
            session = own(request)
            change(session, way)
            unsure.lose(verb)
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(cancel_when_lost, unsure, scope)
                    await session.save()
                    tasks.cancel_scope.cancel()
            unsure.losing.clear()
            if then == "save":
                await session.save()
                session.increment("n")
            return answer()

        browser = Browser(site(begin, everything, act, store=unsure))
        await browser.get("/begin")
        reply = await browser.get("/act")
        assert reply.status == 200
        data, flashes, owner = (await browser.get("/everything")).json()
        assert (data, flashes) == ({**CHANGED, "n": 3 if then == "save" else 2}, ["next"])
        assert owner == ("ada" if way == "log in" else None)
        assert unsure.lost == (0 if (verb, way) == ("create", "plain") else 1)

    @pytest.mark.parametrize("anyio_backend", ["asyncio"])
    async def test_with_asyncios_own_timeout(self, store: Store, anyio_backend: str) -> None:
        unsure = Unsure(store)
        unsure.hanging = True

        async def act(request: Request) -> Response:
            session = own(request)
            change_all(session)
            unsure.lose("replace")
            limit = asyncio.timeout(None)
            cancelling = asyncio.create_task(cancel_when_lost(unsure, limit))
            try:
                async with limit:
                    await session.save()
            except TimeoutError:
                await cancelling
            assert limit.expired()
            await session.save()
            return answer()

        browser = Browser(site(begin, everything, act, store=unsure))
        await browser.get("/begin")
        assert (await browser.get("/act")).status == 200
        assert (await browser.get("/everything")).json() == [CHANGED, ["next"], None]


async def cancel_when_lost(unsure: Unsure, what: Any) -> None:
    while not unsure.lost:
        await anyio.lowlevel.checkpoint()
    if isinstance(what, asyncio.Timeout):
        what.reschedule(asyncio.get_running_loop().time())
    else:
        what.cancel()


class TestAClientThatRepeats:
    @pytest.mark.parametrize("encryption_key", [None, KEY])
    async def test_all_is_done_once(self, store: Store, encryption_key: str | None) -> None:
        repeating = Repeating(store)

        async def act(request: Request) -> Response:
            change(own(request), request.query_params["way"])
            return answer()

        browser = Browser(site(begin, everything, act, store=repeating, encryption_key=encryption_key))
        await browser.get("/begin")
        for number, way in enumerate(("plain", "rotate", "log in", "plain"), 1):
            reply = await browser.get("/act", way=way)
            assert (reply.status, len(reply.set_cookies)) == (200, 0 if way == "plain" else 1)
            data, _, owner = (await browser.get("/everything")).json()
            assert (data["n"], data["new"]) == (1 + number, number)
            assert len(data["cart"]) == 1 + number
            assert owner == ("ada" if number >= 3 else None)
        assert len(await store.sessions_of("ada")) == 1
        thief = browser.copy()
        await browser.get("/destroy")
        assert (await thief.get("/read")).json() == {}

    @pytest.mark.parametrize("way", WAYS)
    async def test_the_store_goes_away_before_that_is_found_out(self, store: Store, way: str) -> None:
        """It answers that somebody else has written, who was this very commit. Then it cannot be read."""
        repeating = Repeating(store)

        async def cannot_read(verb: str) -> None:
            if verb == "load":
                raise StoreUnavailable("it went away")

        async def act(request: Request) -> Response:
            change(own(request), way)
            repeating.before = cannot_read
            with pytest.raises(StoreUnavailable):
                await own(request).save()
            repeating.before = None
            await own(request).save()
            return answer()

        browser = Browser(site(begin, everything, act, store=repeating))
        await browser.get("/begin")
        assert (await browser.get("/act")).status == 200
        data, flashes, owner = (await browser.get("/everything")).json()
        assert (data, flashes) == (CHANGED, ["next"])
        assert owner == ("ada" if way == "log in" else None)

    @pytest.mark.parametrize("sends", ["the id", "the old id"])
    async def test_what_was_done_is_known_before_others_have_their_turn(
        self, store: Store, sends: str
    ) -> None:
        """They may be more than a record remembers."""
        answered = anyio.Event()

        async def act(request: Request) -> Response:
            own(request).increment("n")
            return answer()

        async def use() -> None:
            await visitor.get("/act")
            answered.set()

        browser = Browser(site(begin, act, store=Repeating(store)))
        await browser.get("/begin")
        visitor = browser.copy()
        if sends == "the old id":
            await browser.get("/rotate")
        others = Browser(site(store=store))
        others.jar = dict(visitor.jar)
        turns = {key_of(each.cookie() or ""): Retry() for each in (browser, visitor)}
        for key, turn in turns.items():
            await turn.wait(key)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(use)
            while not answered.is_set() and not any(
                queue.size > 1 for queue in _turns._queues.get().values()
            ):
                await anyio.lowlevel.checkpoint()
            for _ in range(MORE_THAN_REMEMBERED):
                await others.get("/increment?key=others")
            for turn in turns.values():
                turn.end()
        assert (await browser.get("/read")).json()["n"] == 2
        assert (await visitor.get("/read")).json()["n"] == (2 if sends == "the id" else 1)

    async def test_a_session_begins_once(self, store: Store) -> None:
        async def act(request: Request) -> Response:
            change(own(request), "log in")
            return answer()

        browser = Browser(site(everything, act, store=Repeating(store)))
        assert len((await browser.get("/act")).set_cookies) == 1
        assert (await browser.get("/everything")).json()[0] == CHANGED_BEGINNING
        assert len(await store.sessions_of("ada")) == 1

    async def test_a_session_that_is_ended_was_there(self, store: Store) -> None:
        async def act(request: Request) -> Response:
            own(request).owner = "ada"
            return answer()

        repeating = Repeating(store)
        browsers = [Browser(site(act, store=repeating)) for _ in range(4)]
        for browser in browsers:
            await browser.get("/act")
        (one, *_) = await repeating.sessions_of("ada")
        assert await repeating.destroy(one.key)
        assert not await repeating.destroy(one.key)
        await repeating.destroy_all("ada")
        assert await repeating.sessions_of("ada") == []


@pytest.mark.promise("CONC-1", "CONC-2")
async def test_lost_answers_between_many_writers(store: Store) -> None:
    """Twenty requests, of which each loses its first answer and saves again."""
    unsure = Unsure(store)

    async def act(request: Request) -> Response:
        session = own(request)
        session.increment("n")
        session[request.query_params["number"]] = True
        for _ in range(20):
            try:
                await session.save()
            except StoreUnavailable:
                await anyio.lowlevel.checkpoint()
                continue
            break
        return answer()

    browser = Browser(site(begin, act, store=unsure))
    await browser.get("/begin")
    unsure.lose("replace", *range(1, 200, 3))
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(browser.get, f"/act?number={number}")
    assert unsure.lost >= 5
    kept = (await browser.get("/read")).json()
    assert kept["n"] == 21
    assert {f"{number}" for number in range(20)} < kept.keys()
