"""OWN: whose a session is, and how to end all of somebody's sessions."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, Clock, Watched, answer, own, site

from sessions import Store

pytestmark = pytest.mark.anyio


async def log_in(request: Request) -> Response:
    session = own(request)
    session.rotate()
    session.owner = request.query_params["owner"]
    session.update(dict(request.query_params))
    session.flash("message", "Welcome")
    return answer()


async def owner(request: Request) -> Response:
    return answer(own(request).owner)


async def key(request: Request) -> Response:
    return answer(own(request).key)


async def log_out(request: Request) -> Response:
    own(request).owner = None
    return answer()


class People:
    """Browsers, each with a session of somebody's."""

    def __init__(self, store: Store, **options: Any) -> None:
        self.app = site(log_in, owner, key, log_out, store=store, **options)

    async def __call__(self, name: str, **data: str) -> Browser:
        browser = Browser(self.app)
        await browser.get("/write", before="login")
        await browser.get("/log_in", owner=name, **data)
        return browser


async def signed_in(browser: Browser) -> bool:
    return (await browser.get("/owner")).json() is not None


@pytest.mark.promise("OWN-1")
@pytest.mark.asvs("7.5.2")
async def test_a_users_sessions_are_listed_the_newest_first(store: Store, clock: Clock) -> None:
    people = People(store, expire_after=3600)
    await people("bob")
    for browser in ("one", "two", "three"):
        clock.go(10)
        await people("ada", browser=browser)
    sessions = await store.sessions_of("ada")
    assert [each.data["browser"] for each in sessions] == ["three", "two", "one"]
    assert sessions[0].data == {"before": "login", "owner": "ada", "browser": "three"}  # no flash values
    assert [each.created_at.timestamp() for each in sessions] == [clock.now, clock.now - 10, clock.now - 20]
    assert sessions[0].expires_at
    assert sessions[0].expires_at.timestamp() == clock.now + 3600
    assert await store.sessions_of("nobody") == []


@pytest.mark.promise("OWN-1")
@pytest.mark.asvs("7.5.2")
async def test_one_of_them_can_be_ended(store: Store) -> None:
    people = People(store)
    mine, stolen = await people("ada", browser="mine"), await people("ada", browser="stolen")
    (key,) = [each.key for each in await store.sessions_of("ada") if each.data["browser"] == "stolen"]
    assert await store.destroy(key, owner="ada") is True
    assert await signed_in(mine)
    assert not await signed_in(stolen)
    assert len(await store.sessions_of("ada")) == 1


@pytest.mark.promise("OWN-1: by key and owner")
async def test_nobody_ends_somebody_elses_session_by_its_key(store: Store) -> None:
    browser = await People(store)("ada")
    (session,) = await store.sessions_of("ada")
    assert await store.destroy(session.key, owner="bob") is False
    await browser.get("/rotate")
    assert await store.destroy(session.key, owner="bob") is False
    assert await signed_in(browser)
    assert await store.destroy(session.key, owner="ada") is True
    assert not await signed_in(browser)


@pytest.mark.promise("OWN-2: nobody is no owner")
@pytest.mark.parametrize("nobody", [None, True, 1.5, b"ada"])
async def test_an_owner_that_is_none_is_an_error_and_ends_nothing(store: Store, nobody: Any) -> None:
    people = People(store)
    browsers = [await people("None"), await people("True"), Browser(people.app)]
    await browsers[2].get("/write", a="1")
    key = (await store.sessions_of("None"))[0].key
    for call in (store.destroy_all, store.sessions_of):
        with pytest.raises(TypeError, match="an owner is a string or a number"):
            await call(nobody)
    with pytest.raises(TypeError, match="an owner is a string or a number"):
        await store.destroy(key, owner=nobody)
    assert all([(await browser.get("/read")).json() for browser in browsers])


@pytest.mark.promise("OWN-1")
async def test_a_key_of_the_list_opens_nothing(store: Store) -> None:
    browser = await People(store)("ada")
    (session,) = await store.sessions_of("ada")
    assert (await Browser(browser.app).replayed(session.key)) == {}


@pytest.mark.promise("OWN-1", "OWN-2")
@pytest.mark.asvs("7.4.3")
async def test_all_of_them_can_be_ended_but_one(store: Store) -> None:
    people = People(store)
    mine, *others = [await people("ada") for _ in range(4)]
    bob = await people("bob")
    my_key = (await mine.get("/key")).json()
    assert await store.destroy_all("ada", except_key=my_key) == 3
    assert await signed_in(mine)
    assert await signed_in(bob)
    for other in others:
        assert (await other.get("/read")).json() == {}
    assert await store.destroy_all("ada") == 1
    assert not await signed_in(mine)
    assert await store.destroy_all("ada") == 0
    assert await signed_in(bob)


@pytest.mark.promise("OWN-1")
@pytest.mark.parametrize("end", ["/destroy", "/log_out", "/log_in?owner=bob"])
async def test_the_list_follows_the_session(store: Store, end: str) -> None:
    browser = await People(store)("ada")
    for _ in range(3):
        await browser.get("/rotate")
    assert len(await store.sessions_of("ada")) == 1
    await browser.get(end)
    assert await store.sessions_of("ada") == []
    assert len(await store.sessions_of("bob")) == (1 if "bob" in end else 0)


@pytest.mark.promise("OWN-1")
async def test_an_expired_session_is_not_listed(store: Store, clock: Clock) -> None:
    await People(store, expire_after=100)("ada")
    clock.go(100)
    assert await store.sessions_of("ada") == []
    assert await store.destroy_all("ada") == 0


@pytest.mark.promise("OWN-1")
async def test_numbers_and_strange_names_are_owners_too(store: Store) -> None:
    people = People(store)
    names = ["7", "a%", "a_", "'; DROP TABLE sessions; --", "ä\n\x01", "A", "a", "x" * 10_000]
    for name in names:
        await people(name)
    assert len(await store.sessions_of(7)) == 1
    for name in names:
        assert [each.data["owner"] for each in await store.sessions_of(name)] == [name]


@pytest.mark.promise("OWN-2")
@pytest.mark.parametrize("moment", ["create", "replace", "after"])
async def test_a_session_that_rotates_at_the_same_time_does_not_escape(store: Store, moment: str) -> None:
    watched = Watched(store)
    browser = await People(watched)("ada")
    before = browser.copy()

    async def end(name: str) -> None:
        if name == moment:
            watched.before = None
            await store.destroy_all("ada")

    watched.before = end
    await browser.get("/rotate")
    if moment == "after":
        await store.destroy_all("ada")
    assert not await signed_in(browser)
    assert not await signed_in(before)
    assert await store.sessions_of("ada") == []


@pytest.mark.promise("OWN-2")
async def test_one_that_rotates_between_listing_and_ending_does_not_escape_either(store: Store) -> None:
    watched = Watched(store)
    browser = await People(watched)("ada")

    async def rotate(name: str) -> None:
        if name == "delete":
            watched.before = None
            await browser.get("/rotate")

    watched.before = rotate
    assert await watched.destroy_all("ada") >= 1
    assert not await signed_in(browser)
    assert await store.sessions_of("ada") == []


@pytest.mark.promise("OWN-2")
async def test_a_request_in_flight_does_not_bring_it_back(store: Store) -> None:
    async def slow(request: Request) -> Response:
        assert own(request).owner == "ada"
        await store.destroy_all("ada")
        request.session["late"] = "1"
        return answer()

    app = site(log_in, owner, slow, store=store)
    browser = Browser(app)
    await browser.get("/log_in", owner="ada")
    response = await browser.get("/slow")
    assert (response.status, response.set_cookies) == (200, [])
    assert not await signed_in(browser)
    assert await store.sessions_of("ada") == []


# -- all users at once, and logins under way ---------------------------------------------------------------


@pytest.mark.promise("OWN-3")
async def test_all_sessions_of_all_users_can_be_ended(store: Store) -> None:
    people = People(store)
    browsers = [await people("ada"), await people("bob"), Browser(people.app)]
    await browsers[2].get("/write", a="1")
    assert await store.destroy_everything() >= 3
    assert [(await browser.get("/read")).json() for browser in browsers] == [{}] * 3
    assert await store.destroy_everything() == 0
    await browsers[0].get("/log_in", owner="ada")
    assert await signed_in(browsers[0])


@pytest.mark.promise("OWN-3")
@pytest.mark.parametrize("moment", ["create", "replace", "after"])
async def test_what_rotates_at_the_same_time_does_not_escape(store: Store, moment: str) -> None:
    watched = Watched(store)
    browser = await People(watched)("ada")
    before = browser.copy()

    async def end(name: str) -> None:
        if name == moment:
            watched.before = None
            await store.destroy_everything()

    watched.before = end
    await browser.get("/rotate")
    if moment == "after":
        await store.destroy_everything()
    assert not await signed_in(browser)
    assert not await signed_in(before)


@pytest.mark.promise("OWN-3")
async def test_one_that_rotates_again_and_again_between_the_rounds_does_not_escape(store: Store) -> None:
    """Each round but the last meets only the tombstone: a store may pass a new record by."""

    class PassesTheNewestBy(Watched):
        rounds = 0

        async def delete_older(self, moment: float) -> int:
            self.rounds += 1
            if self.rounds > 4:
                return await self.store.delete_older(moment)
            before = {key for key, _ in await self.store.owned_by("ada")}
            await browser.get("/rotate")
            for key in before:
                await self.store.delete(key)
            return len(before)

    watched = PassesTheNewestBy(store)
    browser = await People(watched)("ada")
    await watched.destroy_everything()
    assert not await signed_in(browser)
    assert watched.rounds > 5


@pytest.mark.promise("OWN-3")
async def test_a_save_under_way_brings_nothing_back(store: Store) -> None:
    async def slow(request: Request) -> Response:
        assert own(request).owner == "ada"
        await store.destroy_everything()
        request.session["late"] = "1"
        return answer()

    app = site(log_in, owner, slow, store=store)
    browser = Browser(app)
    await browser.get("/log_in", owner="ada")
    assert (await browser.get("/slow")).set_cookies == []
    assert not await signed_in(browser)


@pytest.mark.promise("OWN-2: a login under way")
@pytest.mark.parametrize("closed", ["before the login saves", "after the login saved"])
async def test_a_login_that_saves_and_then_checks_does_not_outlive_its_account(
    store: Store, closed: str
) -> None:
    """The app notes that the account is closed and ends its sessions; the login saves and then looks."""
    accounts = {"ada": True}

    async def close() -> None:
        accounts["ada"] = False
        await store.destroy_all("ada")

    async def careful(request: Request) -> Response:
        session = own(request)
        assert accounts["ada"]
        session.rotate()
        session.owner = "ada"
        if closed.startswith("before"):
            await close()
        await session.save()
        if closed.startswith("after"):
            await close()
        if not accounts["ada"]:
            session.destroy()
        return answer()

    browser = Browser(site(careful, owner, store=store))
    await browser.get("/write", before="login")
    await browser.get("/careful")
    assert not await signed_in(browser)
    assert await store.sessions_of("ada") == []


@pytest.mark.promise("OWN-3")
async def test_a_session_that_began_by_a_clock_that_is_ahead_is_ended_too(store: Store, clock: Clock) -> None:
    clock.go(30)
    browser = await People(store)("ada")
    clock.go(-30)
    await store.destroy_everything()
    assert not await signed_in(browser)
