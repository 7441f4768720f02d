"""SAVE-8: a session that does not fit is refused before anything is sent, and the store keeps what it had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, Watched, answer, own, site

from sessions import CookieStore, MemoryStore, SessionTooLarge, SQLiteStore, Store
from sessions.stores import PostgresStore, RedisStore, SQLAlchemyStore
from sessions.stores.base import MAX_BYTES

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SAVE-8")]

LARGE = "x" * 600


async def grow(request: Request) -> Response:
    own(request)["large"] = LARGE
    return answer()


async def grow_and_rotate(request: Request) -> Response:
    own(request).rotate()
    own(request)["large"] = LARGE
    return answer()


async def grow_in_place(request: Request) -> Response:
    own(request).setdefault("list", []).append(LARGE)
    return answer()


async def grow_by_function(request: Request) -> Response:
    own(request).update("text", lambda text: (text or "") + "x" * 300)
    return answer()


@pytest.fixture
def watched() -> Watched:
    store = Watched()
    store.max_bytes = 512
    return store


@pytest.mark.parametrize("change", [grow, grow_and_rotate, grow_in_place])
@pytest.mark.parametrize("begun", [True, False])
async def test_it_is_refused_and_what_was_there_stays(
    watched: Watched, change: Callable[[Request], Any], begun: bool
) -> None:
    browser = Browser(site(change, store=watched))
    if begun:
        await browser.get("/write", a="1")
    writes, cookie = watched.writes, browser.cookie()
    response = await browser.get(f"/{change.__name__}")
    assert isinstance(response.error, SessionTooLarge)
    assert "512 are allowed" in str(response.error)
    assert "xxx" not in str(response.error)
    assert (response.status, response.set_cookies) == (500, [])
    assert watched.writes == writes
    assert browser.cookie() == cookie
    assert (await browser.get("/read")).json() == ({"a": "1"} if begun else {})


@pytest.mark.parametrize("kind", ["server", "cookie"])
async def test_one_error_class_is_for_all_stores(kind: str, watched: Watched) -> None:
    store: Any = watched if kind == "server" else CookieStore(max_bytes=512)
    response = await Browser(site(grow, store=store, encryption_key=KEY)).get("/grow")
    assert isinstance(response.error, SessionTooLarge)


async def test_save_raises_it_and_a_smaller_session_can_be_saved_then(watched: Watched) -> None:
    async def shrink(request: Request) -> Response:
        session = own(request)
        session["large"] = LARGE
        session["b"] = "2"
        with pytest.raises(SessionTooLarge):
            await session.save()
        assert session["large"] == LARGE
        session.forget("large")
        await session.save()
        return answer()

    browser = Browser(site(shrink, store=watched))
    await browser.get("/write", a="1")
    assert (await browser.get("/shrink")).status == 200
    assert (await browser.get("/read")).json() == {"a": "1", "b": "2"}


async def test_what_only_parallel_requests_make_too_large_together_is_refused(watched: Watched) -> None:
    async def beside(request: Request) -> Response:
        own(request).get("a")
        await browser.get("/write", other="x" * 300)
        own(request)["mine"] = "x" * 300
        return answer()

    browser = Browser(site(beside, store=watched))
    await browser.get("/write", a="1")
    response = await browser.get("/beside")
    assert isinstance(response.error, SessionTooLarge)
    assert (await browser.get("/read")).json() == {"a": "1", "other": "x" * 300}


async def test_what_a_request_with_the_old_id_writes_is_limited_too(watched: Watched) -> None:
    browser = Browser(site(grow_by_function, store=watched))
    await browser.get("/write", a="1")
    slow = browser.copy()
    await browser.get("/rotate")
    assert (await slow.get("/grow_by_function")).error is None
    assert isinstance((await slow.get("/grow_by_function")).error, SessionTooLarge)
    assert (await browser.get("/read")).json() == {"a": "1", "text": "x" * 300}


async def test_a_session_from_before_the_limit_lives_on_and_shrinks(watched: Watched, clock: Clock) -> None:
    async def shrink(request: Request) -> Response:
        own(request).forget("large")
        return answer()

    watched.max_bytes = MAX_BYTES
    browser = Browser(site(grow, store=watched, expire_after=100))
    await browser.get("/grow")
    watched.max_bytes = 512
    browser.app = site(shrink, store=watched, expire_after=100)
    for _ in range(3):
        clock.go(90)
        assert (await browser.get("/read")).json() == {"large": LARGE}
    assert (await browser.get("/rotate")).error is None
    assert isinstance((await browser.get("/write", b="2")).error, SessionTooLarge)
    assert (await browser.get("/shrink")).error is None
    assert (await browser.get("/write", b="2")).error is None


def stores() -> dict[str, Callable[..., Store]]:
    return {
        "memory": MemoryStore,
        "sqlite": lambda **options: SQLiteStore("sessions.db", **options),
        "redis": lambda **options: RedisStore("redis://127.0.0.1:1", **options),
        "postgres": lambda **options: PostgresStore("postgresql://127.0.0.1:1/x", **options),
        "sqlalchemy": lambda **options: SQLAlchemyStore(
            create_async_engine("sqlite+aiosqlite:///sessions.db"), **options
        ),
    }


@pytest.mark.parametrize("name", stores())
async def test_each_store_has_the_limit(name: str) -> None:
    make = stores()[name]
    assert make().max_bytes == MAX_BYTES == 1024 * 1024
    assert make(max_bytes=10_000).max_bytes == 10_000
    with pytest.raises(ValueError, match="at least 512"):
        make(max_bytes=511)
