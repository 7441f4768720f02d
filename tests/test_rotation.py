"""ROT and OUT: a new id at the login, the end at the logout. What overlaps is in test_concurrency."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, answer, key_of, own, site

from sessions import Store
from sessions._carriers.id import TOMBSTONE_SECONDS
from sessions._record import split, unpack

pytestmark = pytest.mark.anyio


@pytest.mark.promise("ROT-1")
@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_a_new_id_with_the_old_data(store: Store, encryption_key: str | None) -> None:
    browser = Browser(site(store=store, encryption_key=encryption_key))
    await browser.get("/write", a="1")
    await browser.get("/flash", message="hello")
    before = browser.copy()
    await browser.get("/rotate", user="ada")
    assert browser.cookie() != before.cookie()
    assert (await browser.get("/read")).json() == {"a": "1", "message": "hello", "user": "ada"}
    assert (await before.get("/read")).json() == {}


@pytest.mark.promise("ROT-1")
@pytest.mark.asvs("7.2.4")
async def test_the_old_record_holds_nothing_any_more(store: Store, clock: Clock) -> None:
    browser = Browser(site(store=store))
    await browser.get("/write", a="hunter2")
    old = key_of(browser.cookie() or "")
    await browser.get("/rotate")
    record = await store.load(old)
    assert record is not None
    assert b"hunter2" not in record.payload
    content = unpack(split(record.payload)[0])
    assert content.moved is not None
    assert content.moved.key == key_of(browser.cookie() or "")
    assert (browser.cookie() or "").encode() not in record.payload
    clock.go(TOMBSTONE_SECONDS)
    assert await store.load(old) is None
    assert await store.purge() == 1


@pytest.mark.promise("ROT-1")
async def test_age_and_expiry_stay_as_they_were(store: Store, clock: Clock) -> None:
    async def facts(request: Request) -> Response:
        return answer([str(own(request).created_at), str(own(request).expires_at)])

    browser = Browser(site(facts, store=store, expire_after=100, auto_extend_expiration=False))
    await browser.get("/write", a="1")
    before = (await browser.get("/facts")).json()
    clock.go(50)
    await browser.get("/rotate")
    assert (await browser.get("/facts")).json() == before


@pytest.mark.promise("ROT-1")
async def test_rotating_twice_and_in_a_row(store: Store) -> None:
    async def twice(request: Request) -> Response:
        own(request).rotate()
        await own(request).save()
        own(request).rotate()
        own(request)["a"] = "2"
        return answer()

    browser = Browser(site(twice, store=store))
    await browser.get("/write", a="1")
    seen = [browser.copy()]
    for _ in range(3):
        assert len((await browser.get("/rotate")).set_cookies) == 1
        seen.append(browser.copy())
    assert len((await browser.get("/twice")).set_cookies) == 1
    assert (await browser.get("/read")).json() == {"a": "2"}
    assert len({each.cookie() for each in seen}) == 4
    for each in seen:
        assert (await each.get("/read")).json() == {}


@pytest.mark.promise("ROT-3")
@pytest.mark.asvs("7.2.4")
async def test_an_id_that_an_attacker_planted_is_worth_nothing_after_the_login(store: Store) -> None:
    app = site(store=store)
    attacker = Browser(app)
    await attacker.get("/write", harmless="1")
    victim = Browser(app)
    victim.plant(attacker.cookie() or "")
    await victim.get("/rotate", user="ada")
    assert (await attacker.get("/read")).json() == {}
    await attacker.get("/write", user="mallory")
    await attacker.get("/rotate")
    assert (await victim.get("/read")).json() == {"harmless": "1", "user": "ada"}


@pytest.mark.promise("ROT-3")
async def test_nor_after_a_minute(store: Store, clock: Clock) -> None:
    app = site(store=store)
    attacker = Browser(app)
    await attacker.get("/write", harmless="1")
    victim = Browser(app)
    victim.plant(attacker.cookie() or "")
    await victim.get("/rotate", user="ada")
    clock.go(TOMBSTONE_SECONDS + 1)
    assert (await attacker.get("/read")).json() == {}
    await attacker.get("/write", user="mallory")
    assert (await attacker.get("/read")).json() == {"user": "mallory"}
    assert (await victim.get("/read")).json() == {"harmless": "1", "user": "ada"}


@pytest.mark.promise("OUT-1")
@pytest.mark.parametrize("encryption_key", [None, KEY])
@pytest.mark.asvs("7.4.1")
async def test_after_the_logout_the_old_cookie_is_anonymous(store: Store, encryption_key: str | None) -> None:
    browser = Browser(site(store=store, encryption_key=encryption_key))
    await browser.get("/write", user="ada")
    thief = browser.copy()
    cookie = browser.cookie()
    await browser.get("/destroy")
    assert browser.jar == {}
    assert (await thief.get("/read")).json() == {}
    await thief.get("/write", a="1")
    assert (await thief.get("/read")).json() == {"a": "1"}
    assert thief.cookie() != cookie


@pytest.mark.promise("OUT-1")
async def test_the_record_is_gone(store: Store) -> None:
    browser = Browser(site(store=store))
    await browser.get("/write", user="ada")
    key = key_of(browser.cookie() or "")
    assert await store.load(key)
    await browser.get("/destroy")
    assert await store.load(key) is None


@pytest.mark.promise("OUT-1")
async def test_changes_before_the_logout_go_with_it_and_those_after_start_anew(store: Store) -> None:
    async def restart(request: Request) -> Response:
        session = own(request)
        session["before"] = [1]
        session.rotate()
        session.destroy()
        assert session == {}
        assert session.is_new
        assert session.created_at is None
        assert session.owner is None
        session["after"] = 1
        session.destroy()
        session["last"] = 1
        return answer()

    browser = Browser(site(restart, store=store))
    await browser.get("/write", user="ada")
    before = browser.copy()
    await browser.get("/restart")
    assert (await browser.get("/read")).json() == {"last": 1}
    assert (await before.get("/read")).json() == {}


@pytest.mark.promise("OUT-1")
async def test_a_logout_of_nobody_is_fine(store: Store) -> None:
    response = await Browser(site(store=store)).get("/destroy")
    assert response.status == 200


@pytest.mark.promise("OUT-4")
async def test_a_logout_whose_handler_fails_is_one(store: Store) -> None:
    async def half(request: Request) -> Response:
        own(request).destroy()
        raise RuntimeError

    browser = Browser(site(half, store=store))
    await browser.get("/write", user="ada")
    thief = browser.copy()
    assert (await browser.get("/half")).status == 500
    assert (await browser.get("/read")).json() == {}
    assert (await thief.get("/read")).json() == {}
