"""FLASH: a value for exactly one read."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, answer, own, site

from sessions import CookieStore, MemoryStore

pytestmark = pytest.mark.anyio


def matched(session: Any) -> Any:
    match session:
        case {"message": message}:
            return message


KINDS: dict[str, Any] = {"id": MemoryStore, "content": CookieStore}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def flashing(kind: str, *handlers: Any, **options: Any) -> Browser:
    return Browser(site(*handlers, store=KINDS[kind](), encryption_key=KEY, **options))


@pytest.mark.promise("FLASH-1")
async def test_it_is_there_for_one_read(kind: str) -> None:
    browser = flashing(kind)
    await browser.get("/flash", message="hello", other="kept")
    other_tab = browser
    assert (await browser.get("/message")).json() == "hello"
    assert (await browser.get("/message")).json() is None
    for _ in range(2):  # a look at the whole is no read of the key (FLASH-2)
        assert (await other_tab.get("/read")).json() == {"other": "kept"}


@pytest.mark.promise("FLASH-1")
async def test_within_one_request_too(kind: str) -> None:
    async def twice(request: Request) -> Response:
        session = own(request)
        session.flash("now", [1])
        return answer([session["now"], session.get("now"), "now" in session, session.get("message")])

    browser = flashing(kind, twice)
    await browser.get("/flash", message="hello")
    assert (await browser.get("/twice")).json() == [[1], None, False, "hello"]
    assert (await browser.get("/keys")).json() == []


@pytest.mark.promise("FLASH-1")
@pytest.mark.parametrize("way", ["get", "getitem", "pop", "setdefault", "popitem", "match"])
async def test_however_it_is_read(kind: str, way: str) -> None:
    ways: dict[str, Any] = {
        "get": lambda session: session.get("message"),
        "getitem": lambda session: session["message"],
        "pop": lambda session: session.pop("message"),
        "setdefault": lambda session: session.setdefault("message", "default"),
        "popitem": lambda session: session.popitem()[1],
        "match": matched,
    }

    async def look(request: Request) -> Response:
        return answer(ways[way](own(request)))

    browser = flashing(kind, look)
    await browser.get("/flash", message="hello")
    assert (await browser.get("/look")).json() == "hello"
    assert (await browser.get("/keys")).json() == []


@pytest.mark.promise("FLASH-2")
async def test_requests_that_do_not_read_it_do_not_consume_it(kind: str) -> None:
    async def glance(request: Request) -> Response:
        session = own(request)
        return answer([list(session), len(session), "message" in session, session.is_flash("message")])

    browser = flashing(kind, glance)
    await browser.get("/flash", message="hello")
    for url in ("/untouched", "/keys", "/write?a=1", "/increment", "/no-such-page", "/rotate", "/touch"):
        await browser.get(url)
    assert (await browser.get("/glance")).json() == [["message", "a", "n"], 3, True, True]
    assert (await browser.get("/message")).json() == "hello"


@pytest.mark.promise("FLASH-3")
@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip"])
async def test_a_prefetch_does_not_consume_it(kind: str, purpose: str) -> None:
    async def show(request: Request) -> Response:
        return answer(own(request).pop("message", None))

    browser = flashing(kind, show)
    await browser.get("/flash", message="hello")
    for url in ("/message", "/read", "/show"):
        response = await browser.request("GET", url, headers={"sec-purpose": purpose})
        assert "hello" in response.text  # the page may be shown any moment, so it is complete
    assert (await browser.get("/message")).json() == "hello"
    assert (await browser.get("/message")).json() is None


@pytest.mark.promise("FLASH-4")
async def test_a_handler_that_raises_loses_nothing(kind: str) -> None:
    browser = flashing(kind)
    await browser.get("/flash", message="hello")
    for _ in range(2):
        assert (await browser.get("/fail")).status == 500
    assert (await browser.get("/message")).json() == "hello"


@pytest.mark.promise("FLASH-4")
async def test_nor_does_an_error_page_of_the_app(kind: str) -> None:
    async def broken(request: Request) -> Response:
        session = own(request)
        session["tries"].append(session.get("message"))
        session.flash("second", "two")
        session.increment("n")
        assert session.get("second") == "two"
        return answer(status_code=503)

    async def begin(request: Request) -> Response:
        own(request).flash("message", "hello")
        request.session["tries"] = []
        return answer()

    browser = flashing(kind, broken, begin)
    await browser.get("/begin")
    assert (await browser.get("/broken")).status == 503
    # What it read is still to be read, and nothing of what it wrote is kept (SAVE-6).
    assert (await browser.get("/read")).json() == {"message": "hello", "tries": []}


@pytest.mark.promise("FLASH-1")
@pytest.mark.parametrize("status", [200, 204, 303, 404, 422])
async def test_any_other_answer_consumes_it(kind: str, status: int) -> None:
    async def show(request: Request) -> Response:
        own(request).get("message")
        return Response(status_code=status)

    browser = flashing(kind, show)
    await browser.get("/flash", message="hello")
    assert (await browser.get("/show")).status == status
    assert (await browser.get("/message")).json() is None


@pytest.mark.promise("FLASH-1")
async def test_setting_makes_it_a_value_and_flashing_makes_a_value_a_flash(kind: str) -> None:
    browser = flashing(kind)
    await browser.get("/flash", message="flash")
    await browser.get("/write", message="value")
    assert [(await browser.get("/message")).json() for _ in range(2)] == ["value", "value"]
    await browser.get("/flash", message="flash")
    assert [(await browser.get("/message")).json() for _ in range(2)] == ["flash", None]


@pytest.mark.promise("FLASH-1")
async def test_flashing_again_after_reading_it_is_a_new_flash(kind: str) -> None:
    async def again(request: Request) -> Response:
        message = own(request).get("message")
        own(request).flash("message", message)
        return answer()

    browser = flashing(kind, again)
    await browser.get("/flash", message="hello")
    await browser.get("/again")
    assert [(await browser.get("/message")).json() for _ in range(2)] == ["hello", None]
