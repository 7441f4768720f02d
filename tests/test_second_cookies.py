"""SEC-2: no second cookie of the name locks anybody out, or puts anybody into another's session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, answer, attributes, own, site

from sessions import CookieOptions, CookieStore, MemoryStore
from sessions._cookie import MAX_HEADERS, MAX_PATH, MAX_PLACES, MAX_REMOVED, Cookie

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SEC-2")]

CARRIERS: dict[str, Callable[[], dict[str, Any]]] = {
    "id": lambda: {"store": MemoryStore()},
    "sealed id": lambda: {"store": MemoryStore(), "encryption_key": KEY},
    "content": lambda: {"store": CookieStore(), "encryption_key": KEY},
}
HOST = "shop.example.co.uk"


@pytest.fixture(params=CARRIERS)
def ada(request: pytest.FixtureRequest) -> Browser:
    """A browser that is signed in as Ada."""
    return Browser(site(log_in, **CARRIERS[request.param]()), host=HOST)


async def log_in(request: Request) -> Response:
    own(request)["user"] = request.query_params["user"]
    return answer()


async def signed_in(browser: Browser, user: str) -> Browser:
    await browser.get("/log_in", user=user)
    return browser


@pytest.mark.parametrize("garbage", ["x", "A" * 43, "Fe26.2**a*b*c*d*e*f", "2~x", "%", '"'])
@pytest.mark.parametrize(
    "place", [("/", "example.co.uk"), ("/read", ""), ("/", HOST), ("/read", "example.co.uk")]
)
async def test_a_planted_cookie_that_opens_nothing_logs_nobody_out(
    ada: Browser, garbage: str, place: tuple[str, str]
) -> None:
    await signed_in(ada, "ada")
    ada.plant(garbage, path=place[0], domain=place[1])
    assert (await ada.get("/read")).json() == {"user": "ada"}
    assert ada.pairs("/read") == [("session", ada.cookie())]


@pytest.mark.parametrize("place", [("/", "example.co.uk"), ("/read", ""), ("/", HOST)])
async def test_a_planted_session_puts_nobody_into_it_and_is_gone_at_the_second_request(
    ada: Browser, place: tuple[str, str]
) -> None:
    await signed_in(ada, "ada")
    mallory = await signed_in(Browser(ada.app), "mallory")
    ada.plant(mallory.cookie() or "", path=place[0], domain=place[1])
    assert (await ada.get("/read")).json() == {}
    assert (await ada.get("/read")).json() == {"user": "ada"}


async def test_a_planted_cookie_alone_does_not_stop_a_login(ada: Browser) -> None:
    ada.plant("x", domain="example.co.uk")
    ada.plant("y", path="/log_in")
    await signed_in(ada, "ada")
    assert (await ada.get("/read")).json() == {"user": "ada"}


async def test_a_cookie_of_an_older_release_is_removed(ada: Browser) -> None:
    """It had `domain`, and lived at a path of its own."""
    older = await signed_in(Browser(ada.app, host=HOST), "ada")
    ada.plant(older.cookie() or "", domain=HOST)
    await signed_in(ada, "ada")
    await ada.get("/read")
    assert (await ada.get("/read")).json() == {"user": "ada"}
    assert len(ada.pairs("/read")) == 1


async def test_a_replaced_id_beside_its_successor_is_no_second_session() -> None:
    browser = await signed_in(Browser(site(log_in), host=HOST), "ada")
    before = browser.cookie()
    await browser.get("/rotate")
    browser.plant(before or "", domain=HOST)
    assert (await browser.get("/read")).json() == {"user": "ada"}


async def test_second_pieces_of_a_split_cookie_are_gone_at_the_second_request() -> None:
    browser = Browser(site(store=CookieStore(max_bytes=15_000), encryption_key=KEY), host=HOST)
    text = "".join(f"{number:05}" for number in range(1500))
    await browser.get("/write", long=text)
    assert browser.cookie("session.2")
    for number in (1, 2):
        browser.plant("planted", f"session.{number}", path="/read")
        browser.plant("planted too", f"session.{number}", domain="example.co.uk")
    await browser.get("/read")
    assert (await browser.get("/read")).json() == {"long": text}
    assert len(browser.pairs("/read")) == len(browser.sent("/read")) == 3


async def test_the_response_that_removes_is_for_no_shared_cache(ada: Browser) -> None:
    ada.plant("x")
    ada.plant("y", domain=HOST)
    response = await ada.get("/untouched")
    assert response.set_cookies
    assert (response.header("cache-control"), response.header("vary")) == ("private", "Cookie")


async def test_only_the_place_of_the_options_is_left_alone() -> None:
    options = CookieOptions(path="/shop", domain="example.co.uk", secure=True, partitioned=True)
    lines = Cookie("session", options).remove_elsewhere(HOST, "/shop/cart", [0], https=True)
    places = [(found.get("domain"), found["path"]) for found in (attributes(line.decode()) for line in lines)]
    assert sorted(places, key=str) == sorted(
        [
            (domain, path)
            for domain in (None, HOST, "example.co.uk", "co.uk")
            for path in ("/", "/shop", "/shop/", "/shop/cart")
            if (domain, path) != ("example.co.uk", "/shop")
        ],
        key=str,
    )
    assert all(line.endswith(b"; Partitioned; Secure") and b"; Max-Age=0;" in line for line in lines)


@pytest.mark.parametrize("host", ["", "127.0.0.1", "localhost", "::1", "a\r\nb", "x;Domain=y", "é.example"])
async def test_a_host_without_parents_gets_no_domain(host: str) -> None:
    lines = Cookie("session", CookieOptions()).remove_elsewhere(host, "/a", [0], https=False)
    assert lines == [b"session=; Max-Age=0; Path=/a"]


@pytest.mark.promise("SEC-4")
async def test_a_response_removes_a_bounded_number() -> None:
    cookie = Cookie("session", CookieOptions())
    for host in ("e.f.example", "a.b.c.d.e.f.example", "a" * 60 + ".b.example"):
        for path in ("/", "/shop/cart", "/x" * 500, "/" + "x" * 2_000, "/" + "x" * 5_000):
            deep = cookie.remove_elsewhere(host, path, range(900), https=True)
            assert 0 < len(deep) <= MAX_PLACES
            assert sum(len(b"set-cookie: %b\r\n" % line) for line in deep) <= MAX_HEADERS
            assert all(len(attributes(line.decode())["path"]) <= MAX_PATH for line in deep)
    assert len(cookie.write("v", None, https=False, max_bytes=99, stale=range(1, 900))) == 1 + MAX_REMOVED
    assert len(cookie.remove(https=False, stale=range(1, 900))) == 1 + MAX_REMOVED


@pytest.mark.promise("SEC-4")
async def test_where_one_response_has_no_room_the_next_ones_go_on() -> None:
    cookie = Cookie("session", CookieOptions())
    path = "/a/b/c/d/e/f/g/h"
    prefixes = [path[:end] for end in range(1, len(path) + 1)]
    every = {(domain, prefix) for domain in ("", HOST, "example.co.uk") for prefix in prefixes}
    removed: set[tuple[str, str]] = set()
    for _ in range(50):
        for line in cookie.remove_elsewhere(HOST, path, [0], https=False):
            found = attributes(line.decode())
            removed.add((found.get("domain", ""), found["path"]))
    assert removed > every - {("", "/")}


async def test_a_planted_cookie_that_is_alone_is_as_any_other(ada: Browser) -> None:
    """One name, one value: nothing says that it was planted. A login gives the session another id (ROT-3)."""
    mallory = await signed_in(Browser(ada.app), "mallory")
    ada.plant(mallory.cookie() or "", domain="example.co.uk")
    assert not (await ada.get("/untouched")).set_cookies
