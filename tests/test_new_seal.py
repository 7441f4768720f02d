"""SEAL-7: a replaced key is gone from all cookies, and can be dropped without logging anybody out."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, OTHER_KEY, Browser, Gate, Watched, answer, own, site, slow

from sessions import CookieStore, MemoryStore

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SEAL-7")]

THIRD_KEY = "a third key for tests, which is as long as those"

TIMEOUTS: list[dict[str, Any]] = [
    {},
    {"absolute_timeout": 3600},
    {"expire_after": 3600},
    {"expire_after": 3600, "auto_extend_expiration": False},
]


@pytest.fixture(params=["id", "cookie", "hono"])
def storage(request: pytest.FixtureRequest) -> Any:
    if request.param == "id":
        return MemoryStore()
    return CookieStore(shared_with="hono-sessions" if request.param == "hono" else None)


async def public(_: Request) -> Response:
    return answer("for everybody", headers={"cache-control": "public, max-age=60"})


def app(storage: Any, *keys: str, **options: Any) -> Any:
    return site(public, store=storage, encryption_key=list(keys), **options)


@pytest.mark.parametrize("options", TIMEOUTS)
@pytest.mark.parametrize("url", ["/read", "/untouched", "/read?poll"])
async def test_a_key_is_replaced_without_logging_anybody_out(
    storage: Any, options: dict[str, Any], url: str
) -> None:
    """One request of any kind, while both keys are there, is enough for a browser."""
    options = {**options, "is_activity": lambda scope: scope["query_string"] != b"poll"}
    browser = Browser(app(storage, OTHER_KEY, **options))
    await browser.get("/write?user=ada")
    browser.app = app(storage, KEY, OTHER_KEY, **options)
    reply = await browser.get(url)
    assert len(reply.set_cookies) == 1
    assert "private" in (reply.header("cache-control") or "")
    assert "Cookie" in (reply.header("vary") or "")
    browser.app = app(storage, KEY, **options)
    assert (await browser.get("/read")).json() == {"user": "ada"}


async def test_once_is_enough(storage: Any) -> None:
    browser = Browser(app(storage, OTHER_KEY, expire_after=3600))
    await browser.get("/write?a=1")
    browser.app = app(storage, KEY, OTHER_KEY, expire_after=3600)
    assert [len((await browser.get("/read")).set_cookies) for _ in range(3)] == [1, 0, 0]


async def test_a_key_that_opens_and_does_not_seal_yet_changes_nothing(storage: Any) -> None:
    """The first step of a roll-out: the new key is added behind the old one."""
    browser = Browser(app(storage, OTHER_KEY))
    await browser.get("/write?a=1")
    browser.app = app(storage, OTHER_KEY, KEY)
    assert (await browser.get("/read")).set_cookies == []


async def test_the_cookie_ends_when_it_would_have_ended() -> None:
    store = MemoryStore()
    browser = Browser(app(store, OTHER_KEY, expire_after=3600, refresh_interval=600))
    (before,) = (await browser.get("/write?a=1")).set_cookies
    browser.app = app(store, KEY, OTHER_KEY, expire_after=3600, refresh_interval=600)
    (after,) = (await browser.get("/untouched")).set_cookies
    assert before.partition(";")[2] == after.partition(";")[2]
    assert "Max-Age=3600" in after


async def test_a_page_for_shared_caches_has_no_cookie(storage: Any) -> None:
    browser = Browser(app(storage, OTHER_KEY))
    await browser.get("/write?a=1")
    browser.app = app(storage, KEY, OTHER_KEY)
    reply = await browser.get("/public")
    assert reply.set_cookies == []
    assert reply.header("cache-control") == "public, max-age=60"
    assert len((await browser.get("/read")).set_cookies) == 1


async def test_what_the_response_does_with_the_cookie_itself_is_done_once(storage: Any) -> None:
    for url in ("/destroy", "/rotate?b=2", "/write?b=2"):
        browser = Browser(app(storage, OTHER_KEY))
        await browser.get("/write?a=1")
        browser.app = app(storage, KEY, OTHER_KEY)
        assert len((await browser.get(url)).set_cookies) == 1
        browser.app = app(storage, KEY)
        expected = {} if url == "/destroy" else {"a": "1", "b": "2"}
        assert (await browser.get("/read")).json() == expected


@pytest.mark.promise("ROT-2", "OUT-2")
@pytest.mark.parametrize("meanwhile", ["/rotate", "/destroy"])
async def test_a_slow_response_does_not_bring_the_old_id_back(meanwhile: str) -> None:
    """The id that the slow request came with is replaced, or over, before its response starts."""
    store, gate = MemoryStore(), Gate()

    async def wait(request: Request) -> Response:
        own(request).get("a")
        await gate.wait()
        return answer()

    options: dict[str, Any] = {"store": store, "encryption_key": [KEY, OTHER_KEY]}
    browser = Browser(app(store, OTHER_KEY))
    await browser.get("/write?a=1")
    browser.app = site(wait, **options)
    late = await slow(gate, browser, "/wait", lambda: browser.get(meanwhile))
    assert late.set_cookies == []
    expected = {"a": "1"} if meanwhile == "/rotate" else {}
    assert (await browser.get("/read")).json() == expected


async def test_while_the_store_is_away_the_response_goes_out_with_the_old_seal() -> None:
    store = Watched()

    async def lose_the_store(_: Request) -> Response:
        store.away = True
        return answer("served")

    browser = Browser(site(store=store, encryption_key=OTHER_KEY))
    await browser.get("/write?a=1")
    browser.app = site(lose_the_store, store=store, encryption_key=[KEY, OTHER_KEY])
    reply = await browser.get("/lose_the_store")
    assert (reply.status, reply.json(), reply.set_cookies) == (200, "served", [])
    store.away = False
    assert len((await browser.get("/read")).set_cookies) == 1


async def test_other_requests_ask_the_store_nothing_more() -> None:
    store = Watched()
    browser = Browser(site(store=store, encryption_key=[KEY, OTHER_KEY]))
    await browser.get("/write?a=1")
    store.calls.clear()
    await browser.get("/read")
    assert store.calls == {"load": 1}


async def test_an_older_seal_beside_a_planted_cookie_is_replaced_at_the_next_request() -> None:
    browser = Browser(app(store := MemoryStore(), OTHER_KEY))
    await browser.get("/write?a=1")
    browser.app = app(store, KEY, OTHER_KEY)
    browser.plant("planted", path="/read")
    assert (await browser.get("/read")).json() == {"a": "1"}
    await browser.get("/read")
    browser.app = app(store, KEY)
    assert (await browser.get("/read")).json() == {"a": "1"}


async def test_a_function_that_returns_a_newer_key_is_heeded() -> None:
    keys = [OTHER_KEY, THIRD_KEY]
    browser = Browser(site(store=MemoryStore(), encryption_key=[lambda: keys[0], lambda: keys[1]]))
    await browser.get("/write?a=1")
    keys[:] = [KEY, OTHER_KEY]
    assert [len((await browser.get("/read")).set_cookies) for _ in range(2)] == [1, 0]
    keys[:] = [THIRD_KEY, KEY]
    assert (await browser.get("/read")).json() == {"a": "1"}


async def test_a_session_in_several_cookies_is_sealed_anew_as_a_whole() -> None:
    storage = CookieStore(max_bytes=15_000)
    browser = Browser(app(storage, OTHER_KEY))
    await browser.get("/write", text="x" * 6000)
    browser.app = app(storage, KEY, OTHER_KEY)
    assert len((await browser.get("/untouched")).set_cookies) > 1
    browser.app = app(storage, KEY)
    assert (await browser.get("/read")).json() == {"text": "x" * 6000}


async def test_servers_at_different_steps_of_a_roll_out_share_a_session(storage: Any) -> None:
    first, second = app(storage, OTHER_KEY, KEY), app(storage, KEY, OTHER_KEY)
    browser = Browser(first)
    await browser.get("/write?a=1")
    for server in (second, first, first, second, second, first):
        browser.app = server
        assert (await browser.get("/read")).json() == {"a": "1"}


@pytest.mark.promise("ROT-6")
async def test_a_login_whose_answer_was_lost_is_sent_again_with_an_older_seal() -> None:
    async def log_in(request: Request) -> Response:
        own(request).owner = "ada"
        return answer()

    store = MemoryStore()
    browser = Browser(site(log_in, store=store, encryption_key=OTHER_KEY))
    await browser.get("/write?a=1")
    browser.app = site(log_in, store=store, encryption_key=[KEY, OTHER_KEY])
    await browser.copy().get("/log_in")  # the answer is lost
    assert len((await browser.get("/log_in")).set_cookies) == 1
    browser.app = site(store=store, encryption_key=KEY)
    assert (await browser.get("/read")).json() == {"a": "1"}
