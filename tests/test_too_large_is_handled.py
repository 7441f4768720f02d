"""SAVE-8: an app can answer by itself for a session that is too large."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from support import KEY, Browser, answer, own, site

from sessions import (
    CookieStore,
    CookieTooLarge,
    MemoryStore,
    SessionError,
    SessionMiddleware,
    SessionTooLarge,
    get_session,
)

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SAVE-8: an app's own answer")]

LARGE = "x" * 4_000

STORES: dict[str, Any] = {
    "cookie": lambda: {"store": CookieStore(), "encryption_key": KEY},
    "shared cookie": lambda: {"store": CookieStore(shared_with="hono-sessions"), "encryption_key": KEY},
    "server": lambda: {"store": MemoryStore(max_bytes=3_000)},
}


@pytest.fixture(params=STORES)
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    made: dict[str, Any] = STORES[request.param]()
    return made


async def grow(request: Request) -> Response:
    own(request)["large"] = LARGE
    return answer()


async def grow_by_hand(request: Request) -> Response:
    own(request)["large"] = LARGE
    await own(request).save()
    raise AssertionError("not reached")


async def too_large(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, SessionTooLarge)
    return PlainTextResponse("your cart is full", 413)


def too_large_in_a_thread(request: Request, fault: Exception) -> Response:
    return PlainTextResponse("your cart is full", 413)


@pytest.mark.parametrize("url", ["/grow", "/grow_by_hand"])
@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("kind", [SessionTooLarge, SessionError, ValueError])
@pytest.mark.parametrize("handler", [too_large, too_large_in_a_thread])
async def test_its_handler_answers_and_the_session_is_as_before(
    options: dict[str, Any], kind: Any, url: str, begun: bool, handler: Any
) -> None:
    browser = Browser(site(grow, grow_by_hand, exception_handlers={kind: handler}, **options))
    if begun:
        await browser.get("/write", a="1")
    cookie = browser.cookie()
    response = await browser.get(url)
    assert (response.status, response.text, response.error) == (413, "your cart is full", None)
    assert response.set_cookies == []
    assert browser.cookie() == cookie
    assert (await browser.get("/read")).json() == ({"a": "1"} if begun else {})


async def test_so_does_one_of_fastapi(options: dict[str, Any]) -> None:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, **options)

    @app.get("/grow")
    async def grow(request: Request) -> str:
        get_session(request)["large"] = LARGE
        return ""

    app.add_exception_handler(SessionTooLarge, too_large)
    response = await Browser(app).get("/grow")
    assert (response.status, response.text, response.error) == (413, "your cart is full", None)


async def test_one_for_the_status_500_gets_it_too(options: dict[str, Any]) -> None:
    async def page(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, SessionTooLarge)
        return PlainTextResponse("our own page", 500)

    response = await Browser(site(grow, exception_handlers={500: page}, **options)).get("/grow")
    assert (response.status, response.text) == (500, "our own page")


async def test_what_such_a_handler_raises_is_what_the_server_is_told(options: dict[str, Any]) -> None:
    async def broken(request: Request, fault: Exception) -> Response:
        raise LookupError("the page is missing")

    response = await Browser(site(grow, exception_handlers={SessionTooLarge: broken}, **options)).get("/grow")
    assert (response.status, type(response.error)) == (500, LookupError)


async def test_save_raises_it_and_a_smaller_session_can_be_saved_then(options: dict[str, Any]) -> None:
    async def shrink(request: Request) -> Response:
        session = own(request)
        session["b"] = "2"
        session["large"] = LARGE
        expected = CookieTooLarge if "encryption_key" in options else SessionTooLarge
        for _ in range(2):
            with pytest.raises(expected) as caught:
                await session.save()
            assert "xxx" not in str(caught.value)
        assert session["large"] == LARGE
        session.forget("large")
        await session.save()
        return answer()

    browser = Browser(site(shrink, **options))
    await browser.get("/write", a="1")
    assert (await browser.get("/shrink")).error is None
    assert (await browser.get("/read")).json() == {"a": "1", "b": "2"}


@pytest.mark.promise("OUT-4")
async def test_a_logout_beside_it_holds(options: dict[str, Any]) -> None:
    async def end_and_grow(request: Request) -> Response:
        own(request).destroy()
        own(request)["large"] = LARGE
        return answer()

    browser = Browser(site(end_and_grow, exception_handlers={SessionTooLarge: too_large}, **options))
    await browser.get("/write", a="1")
    assert (await browser.get("/end_and_grow")).status == 500
    assert (await browser.get("/read")).json() == {}
