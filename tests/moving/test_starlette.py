"""MOVE-1: cookies that Starlette's own `SessionMiddleware` has written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Secret
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as StarlettesMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support import Clock

from sessions.moving import StarletteCookie

from .old_apps import SECRET, VALUES, browser_for, cookie_of, each_kind, is_adopted, is_refused, owner

pytestmark = [pytest.mark.anyio, pytest.mark.promise("MOVE-1")]


def old_app(values: dict[str, Any], **options: Any) -> Starlette:
    async def login(request: Request) -> Response:
        request.session.update(values)
        return Response()

    return Starlette(
        routes=[Route("/login", login)],
        middleware=[Middleware(StarlettesMiddleware, secret_key=SECRET, **options)],
    )


@each_kind
@pytest.mark.parametrize("name", ["session", "visit"])
async def test_a_session(kind: Callable[[], dict[str, Any]], name: str) -> None:
    value = cookie_of(old_app(VALUES, session_cookie=name), name)
    await is_adopted(browser_for(StarletteCookie(SECRET, name, owner=owner), **kind()), value, name)


async def test_a_secret_that_hides_itself() -> None:
    value = cookie_of(old_app(VALUES), "session")
    await is_adopted(browser_for(StarletteCookie(Secret(SECRET))), value, "session")


async def test_of_a_partitioned_cookie() -> None:
    options = {"partitioned": True, "https_only": True, "same_site": "none", "session_cookie": "visit"}
    value = cookie_of(old_app(VALUES, **options), "visit")
    browser = browser_for(StarletteCookie(SECRET, "visit", partitioned=True))
    browser.scheme = "https"
    browser.plant(value, "visit")
    first = await browser.get("/read")
    assert first.json() == VALUES
    assert first.set_cookies[1] == ("visit=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Partitioned; Secure")


async def test_odd_values() -> None:
    odd = {"text": "ä€😀", "none": None, "float": 1.5, "large": 10**30, "nested": [[{"a": [True]}]], "": 1}
    value = cookie_of(old_app({**odd, "nan": float("nan"), "half": "\ud800"}), "session")
    await is_adopted(browser_for(StarletteCookie(SECRET)), value, "session", odd)


async def test_what_starlette_refuses_is_refused(clock: Clock) -> None:
    value = cookie_of(old_app(VALUES), "session")
    await is_refused(browser_for(StarletteCookie("another secret")), value, "session")
    await is_refused(browser_for(StarletteCookie(SECRET)), value.swapcase(), "session")
    clock.go(14 * 24 * 60 * 60 + 1)
    await is_refused(browser_for(StarletteCookie(SECRET)), value, "session")
