"""OWN-3: an owner has at most so many sessions; a login beyond that ends the oldest login."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, Crowd, Watched, answer, own, site

from sessions import CookieStore, MemoryStore, Record, SessionMiddleware, Store, StoreUnavailable
from sessions._carriers.limit import end_oldest
from sessions._record import with_former_key
from sessions.testing.kit import a_key, a_record

pytestmark = [pytest.mark.anyio, pytest.mark.promise("OWN-3: a limit of sessions per owner")]


async def log_in(request: Request) -> Response:
    session = own(request)
    if "rotate" in request.query_params:
        session.rotate()
    session.owner = request.query_params["owner"]
    return answer()


async def owner(request: Request) -> Response:
    return answer(own(request).owner)


async def signed_in(*browsers: Browser) -> list[bool]:
    return [(await browser.get("/owner")).json() is not None for browser in browsers]


@pytest.mark.asvs("7.1.2")
@pytest.mark.parametrize("rotate", [{}, {"rotate": "1"}], ids=["plain", "rotate"])
async def test_a_login_beyond_the_limit_ends_the_oldest(
    store: Store, rotate: dict[str, str], clock: Clock
) -> None:
    app = site(log_in, owner, store=store, max_sessions=2)
    browsers = [Browser(app) for _ in range(4)]
    bob = Browser(app)
    await bob.get("/log_in", owner="bob", **rotate)
    await browsers[3].get("/write", early="visitor")  # it began first, and logs in last
    for browser in browsers:
        clock.go(1)
        await browser.get("/write", a="1")
        await browser.get("/log_in", owner="ada", **rotate)
    assert await signed_in(*browsers, bob) == [False, False, True, True, True]
    assert len(await store.sessions_of("ada")) == 2


async def test_what_is_no_login_ends_nothing(store: Store, clock: Clock) -> None:
    app = site(log_in, owner, store=store, max_sessions=1, expire_after=100)
    first, visitor = Browser(app), Browser(app)
    await first.get("/log_in", owner="ada")
    for url in ("/write?a=1", "/rotate", "/increment", "/touch"):
        clock.go(50)
        await first.get(url)
        await visitor.get(url)
    assert await signed_in(first) == [True]


async def test_a_second_login_of_one_session_counts_once(store: Store) -> None:
    app = site(log_in, owner, store=store, max_sessions=2)
    one, two = Browser(app), Browser(app)
    for _ in range(3):
        await one.get("/log_in", owner="ada", rotate="1")
        await two.get("/log_in", owner="ada", rotate="1")
    assert await signed_in(one, two) == [True, True]


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("rotate", [{}, {"rotate": "1"}], ids=["plain", "rotate"])
async def test_logins_at_the_same_time_leave_exactly_the_limit(
    store: Store, limit: int, rotate: dict[str, str]
) -> None:
    crowd = Crowd(8)

    async def log_in_together(request: Request) -> Response:
        own(request).get("a")
        await crowd.wait()
        return await log_in(request)

    watched = Watched(store)

    async def give_way(_: str) -> None:
        await anyio.lowlevel.checkpoint()

    watched.before = give_way
    app = site(log_in_together, owner, store=watched, max_sessions=limit)
    browsers = [Browser(app) for _ in range(8)]
    for browser in browsers:
        await browser.get("/write", a="1")
    async with anyio.create_task_group() as tasks:
        for browser in browsers:
            tasks.start_soon(partial(browser.get, "/log_in_together", owner="ada", **rotate))
    assert sum(await signed_in(*browsers)) == limit


async def test_one_that_gets_a_new_id_meanwhile_counts_once_and_does_not_escape(store: Store) -> None:
    watched = Watched(store)
    app = site(log_in, owner, store=watched, max_sessions=1)
    old, new = Browser(app), Browser(app)
    await old.get("/log_in", owner="ada")

    async def log_in_meanwhile(name: str) -> None:
        if name == "replace":  # the new record is there, and the old one is no tombstone yet
            watched.before = None
            await new.get("/log_in", owner="ada")

    watched.before = log_in_meanwhile
    await old.get("/rotate")
    assert await signed_in(old, new) == [False, True]
    assert len(await store.sessions_of("ada")) == 1


async def test_the_limit_is_kept_after_a_store_that_was_away(store: Store) -> None:
    watched = Watched(store)

    async def log_in_twice(request: Request) -> Response:
        own(request).owner = "ada"
        watched.before = go_away
        with pytest.raises(StoreUnavailable):
            await own(request).save()
        watched.before = None
        await own(request).save()
        return answer()

    async def go_away(name: str) -> None:
        if name == "owned_by":
            raise StoreUnavailable("away")

    app = site(log_in, log_in_twice, owner, store=watched, max_sessions=1)
    first, second = Browser(app), Browser(app)
    await first.get("/log_in", owner="ada")
    assert (await second.get("/log_in_twice")).status == 200
    assert await signed_in(first, second) == [False, True]


async def test_two_records_of_a_session_that_is_getting_a_new_id_count_once_and_end_together(
    store: Store,
) -> None:
    first, second, other = a_key(), a_key(), a_key()
    old = a_record(b'{"data":{}}\n;', owner="ada")
    payload = with_former_key(b'{"data":{}}\n;' + b"0" * 38, first)
    following = Record(payload, old.created_at, old.expires_at, 1, "ada")
    await store.create(first, old)
    await store.create(second, following)
    await store.create(other, a_record(b'{"data":{}}\n;', owner="ada"))
    await end_oldest(store, "ada", 2)
    assert [bool(await store.load(key)) for key in (first, second, other)] == [True, True, True]
    await end_oldest(store, "ada", 1)
    assert [bool(await store.load(key)) for key in (first, second, other)] == [False, False, True]


class Ownerless(MemoryStore):
    owned_by = Store.owned_by


@pytest.mark.parametrize(
    ("store", "number", "error"),
    [
        (MemoryStore(), 0, ValueError),
        (MemoryStore(), True, TypeError),
        (MemoryStore(), "3", TypeError),
        (CookieStore(), 3, ValueError),
        (Ownerless(), 3, ValueError),
    ],
)
def test_what_cannot_be_kept_to_is_an_error(store: Any, number: Any, error: type[Exception]) -> None:
    app: Any = None
    with pytest.raises(error, match="max_sessions"):
        SessionMiddleware(app, store, KEY, max_sessions=number)
