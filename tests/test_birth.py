"""NEW: a session comes into being by writing, under an id of the server's own making."""

from __future__ import annotations

import re

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Watched, answer, key_of, own, site

from sessions import MemoryStore, Store

pytestmark = pytest.mark.anyio


@pytest.mark.promise("NEW-1")
@pytest.mark.asvs("7.6.2")
async def test_ten_thousand_anonymous_reads_leave_the_store_empty() -> None:
    store = MemoryStore()
    app = site(store=store)
    for number in range(10_000):
        response = await Browser(app).get("/read" if number % 2 else "/untouched")
        assert response.status == 200
        assert response.set_cookies == []
    assert len(store) == 0


@pytest.mark.promise("NEW-1", "COOKIE-1")
async def test_looking_in_every_way_creates_nothing() -> None:
    async def look(request: Request) -> Response:
        session = own(request)
        assert session.get("a") is None
        assert "a" not in session
        assert len(session) == 0
        assert list(session) == []
        assert list(session.items()) == []
        assert session.is_new
        assert [session.id, session.created_at, session.expires_at, session.owner] == [None] * 4
        assert session == {}
        session.forget("a")
        session.clear()
        session.touch()
        session.rotate()
        session.pop("a", None)
        session.update({})
        await session.save()
        return answer()

    store = Watched()
    response = await Browser(site(look, store=store)).get("/look")
    assert response.status == 200
    assert response.set_cookies == []
    assert store.calls == {}


@pytest.mark.promise("NEW-1")
async def test_a_page_that_is_not_found_sets_no_cookie() -> None:
    response = await Browser(site()).get("/no-such-page")
    assert response.status == 404
    assert response.set_cookies == []


@pytest.mark.promise("NEW-2", "ROT-3")
@pytest.mark.asvs("7.2.2")
async def test_an_id_that_the_store_does_not_know_is_never_adopted(store: Store) -> None:
    browser = Browser(site(store=store))
    chosen_by_an_attacker = "A" * 43
    browser.plant(chosen_by_an_attacker)
    assert (await browser.get("/write", name="ada")).status == 200
    assert (await browser.get("/read")).json() == {"name": "ada"}
    assert browser.cookie() != chosen_by_an_attacker
    assert await store.load(key_of(chosen_by_an_attacker)) is None


@pytest.mark.promise("NEW-2")
@pytest.mark.asvs("7.2.3")
async def test_ids_have_256_bits_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def urandom(number: int) -> bytes:
        asked.append(number)
        return bytes(range(number))

    monkeypatch.setattr("secrets.token_bytes", urandom)
    browser = Browser(site())
    await browser.get("/write", name="ada")
    assert asked == [32]
    assert browser.cookie() == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@pytest.mark.promise("NEW-2")
@pytest.mark.asvs("7.2.2", "7.2.3")
async def test_no_two_sessions_share_an_id() -> None:
    app = site()
    ids = set()
    for _ in range(200):
        browser = Browser(app)
        await browser.get("/write", name="ada")
        ids.add(browser.cookie())
    assert len(ids) == 200
    assert all(id and re.fullmatch(r"[A-Za-z0-9_-]{43}", id) for id in ids)


@pytest.mark.promise("COOKIE-6")
@pytest.mark.parametrize("encryption_key", [None, KEY])
async def test_the_store_never_holds_the_id_itself(encryption_key: str | None) -> None:
    store = MemoryStore()

    async def tell(request: Request) -> Response:
        return answer(own(request).id)

    browser = Browser(site(tell, store=store, encryption_key=encryption_key))
    await browser.get("/write", name="ada")
    secret = (await browser.get("/tell")).json()
    (key,) = store._records
    assert key == key_of(secret)
    assert secret not in repr(store._records)
    thief = Browser(browser.app)
    thief.plant(key)
    assert (await thief.get("/read")).json() == {}


@pytest.mark.promise("COOKIE-6")
async def test_with_a_key_the_id_travels_sealed(store: Store) -> None:
    async def tell(request: Request) -> Response:
        return answer(own(request).id)

    browser = Browser(site(tell, store=store, encryption_key=KEY))
    await browser.get("/write", name="ada")
    cookie = browser.cookie() or ""
    secret = (await browser.get("/tell")).json()
    assert cookie.startswith("Fe26.2*")
    assert secret not in cookie
    thief = Browser(browser.app)
    thief.plant(secret)  # from a log, say; it is worth nothing without the key
    assert (await thief.get("/read")).json() == {}
