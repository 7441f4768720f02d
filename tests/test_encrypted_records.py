"""SEAL-6: records that are encrypted: what opens them, what does not, and how their key is replaced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.datastructures import Secret
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, OTHER_KEY, Browser, answer, key_of, own, site

from sessions import (
    CookieStore,
    EncryptedStore,
    MemoryStore,
    Record,
    SessionMiddleware,
    SQLiteStore,
    Store,
    iron,
)
from sessions.stores.walk import living
from sessions.testing.kit import a_key, a_record

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SEAL-6")]

IGNORED = "ignored a record: no encryption key opens it, or it was changed"


async def log_in(request: Request) -> Response:
    own(request).owner = "ada"
    return answer()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def raw(store: Store, key: str) -> Record:
    """What is really in the store."""
    record = await store.load(key)
    assert record is not None
    return record


# -- what does not open --------------------------------------------------------------------------------------


def flipped(record: Record, place: int) -> Record:
    payload = bytearray(record.payload)
    payload[place] ^= 1
    return replace(record, payload=bytes(payload))


CHANGES: dict[str, Callable[[Record], Record]] = {
    "the mark": lambda record: flipped(record, 0),
    "the nonce": lambda record: flipped(record, 1),
    "the ciphertext": lambda record: flipped(record, 20),
    "the tag": lambda record: flipped(record, -1),
    "cut off": lambda record: replace(record, payload=record.payload[:-1]),
    "hardly anything": lambda record: replace(record, payload=record.payload[:5]),
    "nothing": lambda record: replace(record, payload=b""),
    "plain": lambda record: replace(record, payload=b'{"data":{"admin":true}}\n;' + b"0" * 38),
    "a later end": lambda record: replace(record, expires_at=record.expires_at + 1),
    "a younger session": lambda record: replace(record, created_at=record.created_at + 1),
    "another version": lambda record: replace(record, version=record.version + 1),
    "another owner": lambda record: replace(record, owner="0" * 64),
    "no owner": lambda record: replace(record, owner=None),
}


@pytest.mark.promise("BAD-1")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_record_that_was_changed_is_not_used(
    change: Callable[[Record], Record], caplog: pytest.LogCaptureFixture
) -> None:
    inner = MemoryStore()
    browser = Browser(site(log_in, store=EncryptedStore(inner, KEY)))
    await browser.get("/write?name=Ada")
    await browser.get("/log_in")
    key = key_of(browser.cookie() or "")
    record = await raw(inner, key)
    assert await inner.replace(key, change(record), expected=record.version)
    reply = await browser.get("/read")
    assert (reply.status, reply.json()) == (200, {})
    assert warnings(caplog) == [IGNORED]
    assert "Ada" not in caplog.text


@pytest.mark.promise("BAD-1")
async def test_a_record_does_not_open_under_the_key_of_another_session() -> None:
    """Not even all of it: who may write to the database puts nobody into another's session."""
    inner = MemoryStore()
    app = site(log_in, store=EncryptedStore(inner, KEY))
    ada, eve = Browser(app), Browser(app)
    await ada.get("/log_in")
    await ada.get("/write?card=4000-1234")
    await eve.get("/write?name=Eve")
    theirs, own_key = (key_of(each.cookie() or "") for each in (ada, eve))
    await inner.delete(own_key)
    assert await inner.create(own_key, await raw(inner, theirs))
    assert (await eve.get("/read")).json() == {}
    assert (await ada.get("/read")).json() == {"card": "4000-1234"}


@pytest.mark.promise("BAD-1")
async def test_with_another_key_a_request_is_anonymous_and_begins_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inner = MemoryStore()
    before = Browser(site(store=EncryptedStore(inner, OTHER_KEY)))
    await before.get("/write?name=Ada")
    after = before.copy()
    after.app = site(store=EncryptedStore(inner, KEY))
    assert (await after.get("/read")).json() == {}
    assert warnings(caplog) == [IGNORED]
    assert (await after.get("/write?name=Eve")).status == 200
    assert (await after.get("/read")).json() == {"name": "Eve"}


async def test_a_scan_tells_once_how_many_it_ignored(caplog: pytest.LogCaptureFixture) -> None:
    inner = MemoryStore()
    for store in (inner, inner, EncryptedStore(inner, OTHER_KEY), EncryptedStore(inner, KEY)):
        await store.create(a_key(), a_record(owner="ann"))
    found = [record async for _, record in EncryptedStore(inner, KEY).scan()]
    assert [record.owner for record in found] == ["ann"]
    assert warnings(caplog) == ["ignored 3 records: no encryption key opens it, or it was changed"]


async def test_two_writes_of_one_record_have_nothing_in_common() -> None:
    inner = MemoryStore()
    store, key, record = EncryptedStore(inner, KEY), a_key(), a_record()
    await store.create(key, record)
    first = await raw(inner, key)
    await store.replace(key, record, expected=1)
    second = await raw(inner, key)
    assert first.payload[1:13] != second.payload[1:13]
    assert first.payload[13:] != second.payload[13:]


# -- keys ----------------------------------------------------------------------------------------------------


@pytest.mark.promise("SEAL-3")
async def test_a_key_is_replaced_and_nobody_is_logged_out() -> None:
    """Step by step as docs/encryption-at-rest.md says: a record has the new key after its next write."""
    inner = MemoryStore()
    browser = Browser(site(log_in, store=EncryptedStore(inner, OTHER_KEY)))
    await browser.get("/log_in")
    await browser.get("/write?step=0")
    for keys in ([OTHER_KEY, KEY], [KEY, OTHER_KEY]):
        store = EncryptedStore(inner, keys)
        browser.app = site(store=store)
        assert (await browser.get("/read")).json() == {"step": "0"}
        assert [session.data for session in await store.sessions_of("ada")] == [{"step": "0"}]
    key = key_of(browser.cookie() or "")
    assert await EncryptedStore(inner, OTHER_KEY).load(key) is not None
    await browser.get("/write?step=1")
    assert await EncryptedStore(inner, OTHER_KEY).load(key) is None
    store = EncryptedStore(inner, KEY)
    browser.app = site(store=store)
    assert (await browser.get("/read")).json() == {"step": "1"}
    assert [session.data for session in await store.sessions_of("ada")] == [{"step": "1"}]
    assert await store.destroy_all("ada") == 1


@pytest.mark.promise("SEAL-3", "OWN-2")
async def test_all_of_an_owner_end_whichever_key_they_were_written_with() -> None:
    inner = MemoryStore()
    for keys in (OTHER_KEY, KEY):
        for _ in range(2):
            await EncryptedStore(inner, keys).create(a_key(), a_record(owner="ada"))
    store = EncryptedStore(inner, [KEY, OTHER_KEY])
    assert len(await store.sessions_of("ada")) == 4
    assert await store.destroy_all("ada") == 4
    assert await inner.count() == 0


@pytest.mark.promise("SEAL-3", "OWN-2")
async def test_a_record_that_gets_the_first_key_while_its_owners_are_listed_is_found() -> None:
    class Slow(MemoryStore):
        asked = 0

        async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
            self.asked += 1
            found = await super().owned_by(owner)
            if self.asked == 1:
                assert await store.replace(key, a_record(version=2, owner="ada"), expected=1)
            return found

    inner, key = Slow(), a_key()
    store = EncryptedStore(inner, [KEY, OTHER_KEY])
    await EncryptedStore(inner, OTHER_KEY).create(key, a_record(owner="ada"))
    ((_, record),) = await store.owned_by("ada")
    assert record.version == 2


@pytest.mark.promise("SEAL-3")
async def test_a_function_is_asked_for_the_key_again() -> None:
    keys: list[Any] = [OTHER_KEY]
    store, key = EncryptedStore(MemoryStore(), lambda: Secret(keys[0])), a_key()
    await store.create(key, a_record())
    keys[0] = KEY
    assert await store.load(key) is None
    keys[0] = OTHER_KEY
    assert await store.load(key) is not None


async def test_the_middleware_may_have_the_same_key() -> None:
    """Other keys are made of it: what an app lets users seal, or a cookie, is no record."""
    inner = MemoryStore()
    browser = Browser(site(store=EncryptedStore(inner, KEY), encryption_key=KEY))
    await browser.get("/write?name=Ada")
    assert (await browser.get("/read")).json() == {"name": "Ada"}
    ((key, record),) = [each async for each in inner.scan()]
    sealed = iron.seal({"data": {}}, KEY).encode()
    await inner.replace(key, replace(record, payload=sealed), expected=record.version)
    assert (await browser.get("/read")).json() == {}


# -- the store around the other ------------------------------------------------------------------------------


@pytest.mark.promise("OWN-1")
async def test_owners_are_shown_as_the_app_set_them() -> None:
    store = EncryptedStore(MemoryStore(), KEY)
    browser = Browser(site(log_in, store=store))
    await browser.get("/log_in")
    assert [record.owner async for _, record in living(store)] == ["ada"]
    assert [record.owner for _, record in await store.owned_by("ada")] == ["ada"]
    assert await store.owned_by("eve") == []


async def test_a_store_may_be_named_by_its_url() -> None:
    assert isinstance(EncryptedStore("sqlite:///sessions.db", KEY).store, SQLiteStore)


@pytest.mark.parametrize(
    "store",
    [CookieStore(), "cookie:", MemoryStore, None],
    ids=["cookie store", "cookie URL", "class", "none"],
)
async def test_what_is_no_store_on_a_server_is_refused(store: Any) -> None:
    with pytest.raises(TypeError, match=r"only an object of a server-side store can be encrypted"):
        EncryptedStore(store, KEY)


@pytest.mark.promise("SEAL-5")
@pytest.mark.parametrize(
    ("key", "error"), [("short", ValueError), ([], ValueError), ("x" * 40, ValueError), (None, TypeError)]
)
async def test_a_bad_key_is_refused(key: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^encryption_key "):
        EncryptedStore(MemoryStore(), key)


async def test_limits_and_settings_are_those_of_the_store_within() -> None:
    inner = SQLiteStore("sessions.db", max_bytes=600)
    store = EncryptedStore(inner, KEY)
    assert store.max_bytes == 600
    assert store.makes_storage
    store.makes_storage = False
    assert not inner.makes_storage


async def test_a_limit_of_sessions_needs_a_store_that_finds_owners() -> None:
    class Plain(MemoryStore):
        owned_by = Store.owned_by

    store = EncryptedStore(Plain(), KEY)
    with pytest.raises(ValueError, match="max_sessions needs a server-side store that finds"):
        SessionMiddleware(Starlette(), store, max_sessions=1)
    SessionMiddleware(Starlette(), EncryptedStore(MemoryStore(), KEY), max_sessions=1)
