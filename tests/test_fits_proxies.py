"""SEAL-4: with the defaults nobody is locked out, by no proxy and by no client.

The numbers are measured with nginx 1.22.1, Apache 2.4.71 and curl 7.88.1 (docs/deploy.md). The browser tests
run against nginx and Apache themselves.
"""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Reply, answer, own, site

from sessions import CookieStore, MemoryStore

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SEAL-4")]

RESPONSE = 4_096
"""Bytes of a response's header that nginx takes: status line, header lines and the empty line."""

REQUEST = 8_190
"""Bytes of the line with the cookies that Apache takes, and that curl sends."""

ADDED = [("date", "Thu, 26 Nov 2026 20:31:11 GMT"), ("server", "uvicorn")]

OF_THE_APP = [
    ("content-security-policy", "default-src 'none'; " + "x" * 200),
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
]
"""About as much as a careful app sends."""


async def large(request: Request) -> Response:
    own(request)["large"] = "x" * int(request.query_params["size"])
    return answer()


async def length(request: Request) -> Response:
    return answer(len(own(request).get("large", "")))


async def log_in(request: Request) -> Response:
    own(request).owner = "ada"
    return answer()


def sealed(**options: Any) -> Any:
    return site(large, length, log_in, **{"store": CookieStore(), "encryption_key": KEY, **options})


def size_of(response: Reply) -> int:
    """Bytes of the header as it comes over the wire, with what server and app add."""
    lines = [*response.headers, *ADDED, *OF_THE_APP]
    return len("HTTP/1.1 200 OK\r\n\r\n") + sum(len(f"{name}: {value}\r\n") for name, value in lines)


async def fill(browser: Browser) -> int:
    """Make the session as large as it may be; the size of its text."""
    size = 0
    for step in (512, 64, 8, 1):
        while (await browser.get(f"/large?size={size + step}")).status == 200:
            size += step
    return size


class PartialBrowser(Browser):
    """Sends the cookies that fit into `REQUEST` bytes and no further ones, long names first, as curl does."""

    def pairs(self, path: str) -> list[tuple[str, str]]:
        sent: list[tuple[str, str]] = []
        for name, value in sorted(super().pairs(path), key=lambda pair: -len(pair[0])):
            line = "; ".join(f"{name}={value}" for name, value in [*sent, (name, value)])
            if len(f"Cookie: {line}") > REQUEST:
                break
            sent.append((name, value))
        return sent


@pytest.mark.parametrize("name", ["session", "__Host-a-longer-name"])
async def test_the_largest_session_fits_into_what_nginx_takes(name: str) -> None:
    browser = Browser(sealed(session_cookie_name=name, expire_after=34_560_000), scheme="https")
    size = await fill(browser)
    assert size > 1_900
    response = await browser.get(f"/large?size={size}")
    assert size_of(response) <= RESPONSE
    assert (await browser.get("/length")).json() == size


async def test_past_it_the_answer_fits_and_a_logout_works() -> None:
    browser = Browser(sealed())
    size = await fill(browser)
    failed = await browser.get("/large?size=50000")
    assert (failed.status, failed.set_cookies) == (500, [])
    assert "docs/deploy.md" in str(failed.error)
    assert (await browser.get("/length")).json() == size
    await browser.get("/destroy")
    assert browser.jar == {}


@pytest.mark.parametrize("store", [MemoryStore, CookieStore])
@pytest.mark.parametrize("planted", [2, 5, 15])
async def test_a_response_that_removes_left_over_pieces_fits_too(store: Any, planted: int) -> None:
    """The session was larger, in a release that allowed more."""
    browser = Browser(sealed(store=store(), expire_after=60), scheme="https")
    full = await fill(browser) if store is CookieStore else 1_800
    for _ in range(10):
        for number in range(1, planted + 1):
            browser.plant("left over", f"session.{number}")
        for _ in range(2):  # the first may be anonymous, the second has the session
            response = await browser.get(f"/large?size={full}")
            assert response.status == 200
            assert size_of(response) <= RESPONSE
        assert size_of(await browser.get("/destroy")) <= RESPONSE
    for _ in range(10):
        await browser.get(f"/large?size={full}")
    assert len(browser.jar) == 1


async def test_a_response_that_removes_second_cookies_fits_too() -> None:
    browser = Browser(sealed(), scheme="https", host="a-rather-long-name.shop.example.co.uk")
    path = "/large/and/a/long/way/down"
    for domain in ("shop.example.co.uk", "example.co.uk"):
        browser.plant("planted", domain=domain)
    response = await browser.get("/large?size=1800")
    assert size_of(response) <= RESPONSE
    response = await browser.get(path)
    assert size_of(response) <= RESPONSE


@pytest.mark.parametrize("lost", [["session"], ["session.1"], ["session.2"], ["session", "session.1"]])
async def test_what_is_left_of_a_split_session_is_gone_with_the_next_response(lost: list[str]) -> None:
    browser = Browser(sealed(store=CookieStore(max_bytes=15_000)))
    await browser.get("/large?size=8000")
    for name in lost:
        del browser.jar[name, "", "/"]
    response = await browser.get("/length")
    assert response.json() == 0
    assert size_of(response) <= RESPONSE
    assert (response.header("cache-control"), response.header("vary")) == ("private", "Cookie")
    assert browser.jar == {}
    assert not (await browser.get("/length")).set_cookies


@pytest.mark.parametrize("lost", ["session", "session.1", "session.2"])
@pytest.mark.parametrize(("size", "pieces"), [(100, 1), (4_000, 2)])
async def test_what_the_same_response_sets_stays(lost: str, size: int, pieces: int) -> None:
    browser = Browser(sealed(store=CookieStore(max_bytes=15_000)))
    await browser.get("/large?size=8000")
    del browser.jar[lost, "", "/"]
    await browser.get(f"/large?size={size}")
    assert (await browser.get("/length")).json() == size
    assert len(browser.jar) == pieces


@pytest.mark.parametrize("first", ["/length", "/log_in", "/untouched"])
async def test_a_client_that_sends_a_part_of_its_cookies_heals_by_itself(first: str) -> None:
    """It holds more than it sends, so it never sends all that would have to be removed."""
    browser = PartialBrowser(sealed())
    for number, value in enumerate(["15~" + "x" * 4_000, *["x" * 4_000] * 14]):
        browser.plant(value, f"session.{number}" if number else "session")
    await browser.get(first)
    await browser.get("/log_in")
    for _ in range(2):
        await browser.get("/length")
    await browser.get("/large?size=100")
    assert (await browser.get("/length")).json() == 100
    assert len(browser.jar) == 1


async def test_pieces_that_another_host_has_planted_are_removed_there() -> None:
    browser = Browser(sealed(), host="shop.example")
    browser.plant("planted", "session.3", domain="shop.example")
    browser.plant("planted", "session.4", path="/length")
    await browser.get("/length")
    assert browser.jar == {}


async def test_a_session_that_came_whole_is_left_alone() -> None:
    browser = Browser(sealed(store=CookieStore(max_bytes=15_000)))
    await browser.get("/large?size=8000")
    response = await browser.get("/length")
    assert (response.json(), response.set_cookies) == (8_000, [])
