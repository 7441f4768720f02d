"""MOVE-1: what the pages of docs/moving show takes the sessions of each library over."""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Callable

import pytest
from pages import PAGES, blocks, name_of
from starlette.applications import Starlette
from support import Browser, read

from sessions.moving import OldCookie

from . import (
    django_app,
    test_asgi_sessions,
    test_flask,
    test_flask_session,
    test_starlette,
    test_starsessions,
)
from .old_apps import SECRET, VALUES, browser_for, cookie_of, is_adopted, is_refused

pytestmark = [pytest.mark.anyio, pytest.mark.promise("MOVE-1")]

FOLDER = "docs/moving/"
OURS = [page for page in PAGES if name_of(page).startswith(FOLDER)]
BLOCKS = {
    (page.stem, re.findall(r"from sessions\.moving import (\w+)", block.source)[0]): block
    for page in OURS
    for block in blocks(page)
    if block.is_python
}
"""Page and the class that reads the cookie → the recipe."""

COOKIES: dict[str, Callable[[str], str]] = {
    "StarletteCookie": lambda _: cookie_of(test_starlette.old_app(VALUES), "session"),
    "StarsessionsCookie": lambda _: test_starsessions.in_a_cookie(),
    "StarsessionsRedis": lambda url: test_starsessions.InRedis(url, "starsessions.").cookie(),
    "DjangoDatabase": lambda _: django_app.cookie("db"),
    "DjangoSignedCookie": lambda _: django_app.cookie("signed_cookies"),
    "DjangoCache": lambda _: django_app.cookie("cache"),
    "FlaskCookie": lambda _: test_flask.cookie(VALUES),
    "FlaskSession": lambda url: test_flask_session.Old(url, "session:").cookie(VALUES),
    "AsgiSessionsCookie": lambda _: test_asgi_sessions.cookie(),
}
"""The cookie that each old app sets at its login."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=COOKIES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def value(name: str, redis_url: str) -> str:
    return COOKIES[name](redis_url)


async def test_a_recipe(name: str, value: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("SESSIONS_STORE", "memory:")
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{django_app.DATABASE}")
    (block,) = [block for (_, read_by), block in BLOCKS.items() if read_by == name]
    names = block.run()
    app, old = names["app"], names["old"]
    assert isinstance(app, Starlette)
    assert isinstance(old, OldCookie)
    app.add_route("/read", read)
    browser = Browser(app)
    browser.plant(value, old.cookie.name)
    for _ in range(2):
        values = (await browser.get("/read")).json()
        assert {key: values[key] for key in VALUES} == VALUES
    assert list(browser.jar) == [("session", "", "/")]


async def test_a_library_that_is_not_here() -> None:
    old = BLOCKS["index", "OldCookie"].run()["OurOwnCookie"]("ours")
    text = b64encode(json.dumps(VALUES).encode()).decode()
    signature = hmac.digest(b"our old key", text.encode(), "sha256").hex()
    await is_adopted(browser_for(old), f"{text}.{signature}", "ours")
    await is_adopted(browser_for(old), f"{text}.{signature.upper()}", "ours")
    await is_refused(browser_for(old), f"{text}.{signature[:-1]}", "ours")


def test_each_library_has_a_page_with_both_tables() -> None:
    pages = {page.stem: page.read_text("utf-8") for page in OURS if page.stem != "index"}
    assert {page for page, read_by in BLOCKS if read_by in COOKIES} == pages.keys() - {"hono-sessions"}
    assert {read_by for _, read_by in BLOCKS} == {*COOKIES, "OldCookie"}
    for text in pages.values():
        assert len(re.findall(r"^\| --- \|", text, re.MULTILINE)) >= 2
