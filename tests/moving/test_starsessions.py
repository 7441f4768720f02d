"""MOVE-1: sessions that starsessions has kept in its cookie and in Redis."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import starsessions
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starsessions.stores.redis import RedisStore as OldRedisStore
from support import KEY, Clock

from sessions import CookieStore, MemoryStore
from sessions.moving import StarsessionsCookie, StarsessionsRedis

from .old_apps import (
    SECRET,
    VALUES,
    NeverAsked,
    browser_for,
    cookie_of,
    each_kind,
    is_adopted,
    is_refused,
    owner,
)

pytestmark = [pytest.mark.anyio, pytest.mark.promise("MOVE-1")]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # which the client of Redis needs


def old_app(store: Callable[[], starsessions.SessionStore], **options: Any) -> Starlette:
    async def login(request: Request) -> Response:
        await starsessions.load_session(request)
        request.session.update(VALUES)
        return Response()

    options = {"cookie_https_only": False, **options}
    return Starlette(
        routes=[Route("/login", login)],
        middleware=[Middleware(starsessions.SessionMiddleware, store=store(), **options)],
    )


def in_a_cookie(**options: Any) -> str:
    return cookie_of(old_app(lambda: starsessions.CookieStore(SECRET), **options), "session")


@each_kind
@pytest.mark.parametrize("lifetime", [0, 600])
async def test_a_session_in_the_cookie(kind: Callable[[], dict[str, Any]], lifetime: int) -> None:
    browser = browser_for(StarsessionsCookie(SECRET, lifetime, owner=owner), **kind())
    await is_adopted(browser, in_a_cookie(lifetime=lifetime), "session")


async def test_a_cookie_that_starsessions_refuses(clock: Clock) -> None:
    value = in_a_cookie(lifetime=600)
    await is_refused(browser_for(StarsessionsCookie("another secret", 600)), value, "session")
    clock.go(601)
    await is_refused(browser_for(StarsessionsCookie(SECRET, 600)), value, "session")


class InRedis:
    """An old app that keeps sessions in Redis, and what reads them."""

    def __init__(self, url: str, prefix: str = "") -> None:
        self.url = url
        self.prefix = prefix or f"old-{secrets.token_hex(4)}."
        self.client = Redis.from_url(url)

    def cookie(self) -> str:
        def store() -> starsessions.SessionStore:
            return OldRedisStore(connection=Redis.from_url(self.url), prefix=self.prefix)

        return cookie_of(old_app(store, lifetime=600), "session")

    def adopts(self, client: Any = None) -> StarsessionsRedis:
        return StarsessionsRedis(client or self.client, 600, prefix=self.prefix, owner=owner)

    async def left(self) -> int:
        return len(await self.client.keys(self.prefix + "*"))


@pytest.fixture
def old(redis_url: str) -> InRedis:
    return InRedis(redis_url)


@pytest.fixture
def value(old: InRedis) -> str:
    return old.cookie()


@each_kind
async def test_a_session_in_redis(kind: Callable[[], dict[str, Any]], old: InRedis, value: str) -> None:
    options = kind()
    await is_adopted(browser_for(old.adopts(), **options), value, "session")
    # With the cookie store nothing else would know it, should the answer be lost.
    assert await old.left() == isinstance(options["store"], CookieStore)


async def test_ten_first_requests_at_the_same_time(old: InRedis, value: str) -> None:
    browser = browser_for(old.adopts())
    browser.plant(value)
    others = [browser.copy() for _ in range(10)]
    async with anyio.create_task_group() as tasks:
        for other in others:
            tasks.start_soon(other.get, "/increment")
    assert len({other.cookie() for other in others}) == 1
    assert (await others[0].get("/read")).json() == {**VALUES, "n": 10}


async def test_another_request_has_taken_it_away_between_two_looks(old: InRedis, value: str) -> None:
    """It was not known to have moved in, and then it was gone."""
    store = MemoryStore()

    class Slow:
        async def get(self, name: str) -> Any:
            other = browser_for(old.adopts(), store=store)
            other.plant(value)
            await other.get("/write?a=1")
            return await old.client.get(name)

        async def delete(self, name: str) -> None:
            raise AssertionError("another request did that")

    browser = browser_for(old.adopts(Slow()), store=store)
    browser.plant(value)
    assert (await browser.get("/read")).json() == {**VALUES, "a": "1"}
    assert len(await store.sessions_of("7")) == 1


async def test_with_the_cookie_store_a_logout_in_the_first_request_ends_the_old_one(
    old: InRedis, value: str
) -> None:
    browser = browser_for(old.adopts(), store=CookieStore(), encryption_key=KEY)
    browser.plant(value)
    await browser.get("/destroy")
    assert await old.left() == 0


async def test_redis_is_away(old: InRedis, value: str, caplog: pytest.LogCaptureFixture) -> None:
    browser = browser_for(old.adopts(Redis.from_url("redis://127.0.0.1:1")))
    browser.plant(value)
    assert (await browser.get("/read")).status == 503
    assert browser.cookie() == value
    assert value not in caplog.text


async def test_an_old_session_that_cannot_be_removed(
    old: InRedis, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    class ReadOnly:
        get = old.client.get

        async def delete(self, name: str) -> None:
            raise PermissionError(name)

    browser = browser_for(old.adopts(ReadOnly()))
    await is_adopted(browser, value, "session")
    thief = browser.copy()
    await browser.get("/destroy")
    thief.plant(value)
    assert (await thief.get("/read")).json() == {}
    assert "stays in its old store" in caplog.text
    assert value not in caplog.text


@pytest.mark.parametrize("name", ["0" * 32, "x", "0" * 31 + "g", "*" * 32, "0" * 10_000])
async def test_an_id_that_is_none(old: InRedis, name: str) -> None:
    await is_refused(browser_for(old.adopts(None if name == "0" * 32 else NeverAsked())), name, "session")


@pytest.mark.parametrize("record", [b"[1]", b"{", b"\x80\x04}q\x00.", "x".encode("utf-16")])
async def test_a_record_that_cannot_be_read(old: InRedis, record: bytes) -> None:
    name = secrets.token_hex(16)
    await old.client.set(old.prefix + name, record)
    await is_refused(browser_for(old.adopts()), name, "session")
