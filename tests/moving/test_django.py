"""MOVE-1: sessions of Django, of its engines for signed cookies, for a database and for a cache."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from django.core import signing
from django.core.cache import caches
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from support import Browser, Clock

from sessions import CookieStore, MemoryStore
from sessions.moving import DjangoCache, DjangoDatabase, DjangoSignedCookie, OldCookie
from sessions.moving._content import MAX_UNPACKED

from .django_app import DATABASE, ada, cookie
from .old_apps import SECRET, VALUES, NeverAsked, browser_for, each_kind, is_refused

pytestmark = [pytest.mark.anyio, pytest.mark.promise("MOVE-1")]

NAME = "sessionid"
SIGNED = "django.contrib.sessions.backends.signed_cookies"
STORED = "django.contrib.sessions.SessionStore"
OWNER = str(ada.pk)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # which SQLAlchemy and Django need


@pytest.fixture
async def engine() -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{DATABASE}")
    yield engine
    await engine.dispose()


async def is_adopted(browser: Browser, value: str) -> None:
    browser.plant(value, NAME)
    for _ in range(2):
        values = (await browser.get("/read")).json()
        assert {key: values[key] for key in VALUES} == VALUES
        assert values["_auth_user_id"] == OWNER
        assert values["_auth_user_hash"]
    assert list(browser.jar) == [("session", "", "/")]


@pytest.fixture(params=["django.contrib.sessions.serializers.JSONSerializer"])
def signed_cookie() -> str:
    return cookie("signed_cookies")


@pytest.fixture(params=["db", "cached_db"])
def key(request: pytest.FixtureRequest) -> str:
    return cookie(request.param)


@pytest.fixture
def cached() -> str:
    return cookie("cache")


# -- signed cookies ----------------------------------------------------------------------------------


@each_kind
async def test_a_signed_cookie(kind: Callable[[], dict[str, Any]]) -> None:
    await is_adopted(browser_for(DjangoSignedCookie(SECRET), **kind()), signed_now())


def signed_now(values: Any = None, secret: str = SECRET, salt: str = SIGNED, **options: Any) -> str:
    """As the engine signs a session, which `test_a_cookie_of_the_whole_project` has from the engine."""
    values = {**VALUES, "_auth_user_id": OWNER, "_auth_user_hash": "hash"} if values is None else values
    return str(signing.dumps(values, key=secret, salt=salt, **{"compress": True, **options}))


async def test_a_cookie_of_the_whole_project(signed_cookie: str) -> None:
    store = MemoryStore()
    await is_adopted(browser_for(DjangoSignedCookie(SECRET), store=store), signed_cookie)
    assert len(await store.sessions_of(OWNER)) == 1


async def test_an_old_secret() -> None:
    value = signed_now(secret="an old secret")
    await is_adopted(browser_for(DjangoSignedCookie([SECRET, "an old secret"])), value)
    await is_refused(browser_for(DjangoSignedCookie(SECRET)), value, NAME)


async def test_compressed_and_not() -> None:
    long = signed_now({**VALUES, "text": "long " * 200, "_auth_user_id": OWNER, "_auth_user_hash": "h"})
    assert long.startswith(".")
    await is_adopted(browser_for(DjangoSignedCookie(SECRET)), long)
    await is_adopted(browser_for(DjangoSignedCookie(SECRET)), signed_now(compress=False))


class Text:
    """A serializer of Django's whose content is what it is given."""

    def dumps(self, content: bytes) -> bytes:
        return content


BAD: dict[str, str] = {
    "another salt": signed_now(salt="another"),
    "changed": signed_now().swapcase(),
    "longer": signed_now() + "a",
    "a bomb": signed_now(b'{"a":"' + b"a" * MAX_UNPACKED + b'"}', serializer=Text),
    "deep": signed_now(b"[" * 100_000, serializer=Text),
    "no mapping": signed_now([1]),
    "a pickle": signed_now(pickle.dumps({"user": 1}), serializer=Text),
    "a compressed pickle": signed_now(pickle.dumps({"user": "long " * 99}), serializer=Text),
    "no time": signing.Signer(key=SECRET, salt=SIGNED).sign("e30"),
    "a long time": signing.Signer(key=SECRET, salt=SIGNED).sign("e30:" + "z" * 20),
    "another time": signing.Signer(key=SECRET, salt=SIGNED).sign("e30:?"),
    "no base64": signing.TimestampSigner(key=SECRET, salt=SIGNED).sign("%"),
    "no zlib": signing.TimestampSigner(key=SECRET, salt=SIGNED).sign(".e30"),
    "two colons": "::",
    "a colon": ":",
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
async def test_a_cookie_that_is_none(value: str) -> None:
    await is_refused(browser_for(DjangoSignedCookie(SECRET)), value, NAME)


async def test_a_cookie_that_is_too_old(clock: Clock) -> None:
    value = signed_now()
    clock.go(61)
    await is_adopted(browser_for(DjangoSignedCookie(SECRET)), value)
    await is_refused(browser_for(DjangoSignedCookie(SECRET, session_cookie_age=60)), value, NAME)


# -- in the database ---------------------------------------------------------------------------------


async def rows(engine: AsyncEngine, key: str) -> int:
    async with engine.connect() as connection:
        counted = await connection.execute(
            text("SELECT count(*) FROM django_session WHERE session_key = :key"), {"key": key}
        )
        return int(counted.scalar_one())


@each_kind
async def test_a_session_in_the_database(
    kind: Callable[[], dict[str, Any]], engine: AsyncEngine, key: str
) -> None:
    options = kind()
    await is_adopted(browser_for(DjangoDatabase(engine, SECRET), **options), key)
    assert await rows(engine, key) == isinstance(options["store"], CookieStore)


async def test_it_has_an_owner(engine: AsyncEngine, key: str) -> None:
    store = MemoryStore()
    await is_adopted(browser_for(DjangoDatabase(engine, SECRET), store=store), key)
    assert len(await store.sessions_of(OWNER)) == 1


async def write(engine: AsyncEngine, data: str, expires: datetime) -> str:
    key = "abcdefghijklmnopqrstuvwxyz012345"
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM django_session WHERE session_key = :key"), {"key": key})
        await connection.execute(
            text("INSERT INTO django_session VALUES (:key, :data, :expires)"),
            {"key": key, "data": data, "expires": expires.strftime("%Y-%m-%d %H:%M:%S.%f")},
        )
    return key


async def test_one_that_has_ended(engine: AsyncEngine) -> None:
    data = signed_now(salt=STORED)
    now = datetime.now(UTC)
    adopts = browser_for(DjangoDatabase(engine, SECRET))
    await is_refused(adopts, await write(engine, data, now - timedelta(seconds=1)), NAME)
    await is_adopted(adopts, await write(engine, data, now + timedelta(seconds=30)))


async def test_one_in_local_time(engine: AsyncEngine) -> None:
    """`USE_TZ = False`, two hours east."""
    zone = timezone(timedelta(hours=2))
    data = signed_now(salt=STORED)
    key = await write(engine, data, datetime.now(zone) - timedelta(hours=1))
    await is_refused(browser_for(DjangoDatabase(engine, SECRET, time_zone=zone)), key, NAME)
    key = await write(engine, data, datetime.now(zone) + timedelta(hours=1))
    await is_adopted(browser_for(DjangoDatabase(engine, SECRET, time_zone=zone)), key)


BAD_RECORDS: dict[str, str] = {
    "a cookie": signed_now(),
    "another secret": signed_now(salt=STORED, secret="another secret"),
    "a pickle": signed_now(pickle.dumps({}), salt=STORED, serializer=Text),
    "no mapping": signed_now([1], salt=STORED),
    "empty": "",
    "garbage": zlib.compress(b"").hex(),
}


@pytest.mark.parametrize("data", BAD_RECORDS.values(), ids=BAD_RECORDS)
async def test_a_record_that_cannot_be_read(engine: AsyncEngine, data: str) -> None:
    key = await write(engine, data, datetime.now(UTC) + timedelta(hours=1))
    await is_refused(browser_for(DjangoDatabase(engine, SECRET)), key, NAME)


async def test_the_database_is_away(key: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = create_async_engine("postgresql+asyncpg://127.0.0.1:1/nowhere")
    browser = browser_for(DjangoDatabase(engine, SECRET))
    browser.plant(key, NAME)
    assert (await browser.get("/read")).status == 503
    assert browser.cookie(NAME) == key
    assert key not in caplog.text
    await engine.dispose()


# -- in a cache --------------------------------------------------------------------------------------


@each_kind
async def test_a_session_in_the_cache(kind: Callable[[], dict[str, Any]], cached: str) -> None:
    options = kind()
    await is_adopted(browser_for(DjangoCache(caches["default"]), **options), cached)
    left = await caches["default"].aget("django.contrib.sessions.cache" + cached)
    assert (left is not None) == isinstance(options["store"], CookieStore)


async def test_a_content_of_the_cache_that_is_no_session(cached: str) -> None:
    await caches["default"].aset("django.contrib.sessions.cache" + cached, "text")
    await is_refused(browser_for(DjangoCache(caches["default"])), cached, NAME)


@pytest.mark.parametrize("value", ["", "short", "A" * 32, "x" * 41, "x" * 32, "' OR 1=1 --" * 3])
@pytest.mark.parametrize("where", ["database", "cache"])
async def test_a_key_that_is_none(engine: AsyncEngine, value: str, where: str) -> None:
    cache: Any = caches["default"] if value == "x" * 32 else NeverAsked()
    adopts: OldCookie = DjangoCache(cache)
    if where == "database":
        adopts = DjangoDatabase(engine if value == "x" * 32 else cast("Any", NeverAsked()), SECRET)
    browser = browser_for(adopts)
    browser.plant(value, NAME)
    answer = await browser.get("/read")
    assert (answer.status, answer.json(), answer.set_cookies) == (200, {}, [])
