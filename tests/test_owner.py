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
    await store.delete(key)
    assert await signed_in(mine)
    assert not await signed_in(stolen)
    assert len(await store.sessions_of("ada")) == 1


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
    names = ["7", "a%", "a_", "'; DROP TABLE sessions; --", "ä\n\x00", "A", "a", "x" * 10_000]
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
