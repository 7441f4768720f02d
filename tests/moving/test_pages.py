"""MOVE-1: what the pages of docs/moving show takes the sessions of each library over."""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from support import Browser, read
from type_checkers import CHECKERS, Checker

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

FOLDER = Path(__file__).parents[2] / "docs" / "moving"
BLOCKS = {
    (page.stem, re.findall(r"from sessions\.moving import (\w+)", block)[0]): block
    for page in sorted(FOLDER.glob("*.md"))
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
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
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(block, f"the recipe of {name}", "exec"), names)  # noqa: S102 (it is ours)
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
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(BLOCKS["index", "OldCookie"], names)  # noqa: S102 (it is ours)
    old = names["OurOwnCookie"]("ours")
    text = b64encode(json.dumps(VALUES).encode()).decode()
    signature = hmac.digest(b"our old key", text.encode(), "sha256").hex()
    await is_adopted(browser_for(old), f"{text}.{signature}", "ours")
    await is_adopted(browser_for(old), f"{text}.{signature.upper()}", "ours")
    await is_refused(browser_for(old), f"{text}.{signature[:-1]}", "ours")


def test_each_library_has_a_page_with_both_tables() -> None:
    pages = {page.stem: page.read_text("utf-8") for page in FOLDER.glob("*.md") if page.stem != "index"}
    assert {page for page, read_by in BLOCKS if read_by in COOKIES} == pages.keys() - {"hono-sessions"}
    assert {read_by for _, read_by in BLOCKS} == {*COOKIES, "OldCookie"}
    for text in pages.values():
        assert len(re.findall(r"^\| --- \|", text, re.MULTILINE)) >= 2


@pytest.mark.parametrize("check", CHECKERS)
def test_the_types_of_each_block_are_right(check: Checker, tmp_path: Path) -> None:
    paths = []
    for number, ((page, _), block) in enumerate(BLOCKS.items()):
        path = tmp_path / f"{page.replace('-', '_')}_{number}.py"
        path.write_text(block, "utf-8")
        paths.append(path)
    assert check(paths) == {}
