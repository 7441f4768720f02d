"""TEST-1: a browser is signed in without the form, by a test that has the app's store and its key."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, expect

from e2e.matrix.matrix import Cell
from e2e.promises import only, promise
from e2e.server.server import Server
from reference_server.profiles import PROFILES, Profile
from sessions import SessionMiddleware
from sessions.testing import ClientSession

ROOT = Path(__file__).parents[3]

pytestmark = only(
    server=["uvicorn", "hypercorn"], store=["sqlite", "cookie"], browser=["chromium", "firefox"]
)

NAMED = {profile.name: profile for profile in PROFILES}


def middleware_of(profile: Profile, cell: Cell, folder: Path, key: str) -> SessionMiddleware:
    """As the server has it, on the same data."""

    async def app(*_: Any) -> None:
        raise AssertionError("nobody asks this app")

    return SessionMiddleware(
        app,
        store=f"sqlite:///{folder}/sessions.db" if cell.store == "sqlite" else "cookie:",
        encryption_key=key if profile.sealed or cell.store == "cookie" else None,
        expire_after=profile.expire_after,
        absolute_timeout=profile.absolute_timeout,
        cookie_options=profile.cookie_options,
        session_cookie_name=profile.cookie,
        realm=profile.realm,
    )


@promise("TEST-1")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("root", marks=only(mode=["http", "https", "workers"])),
        pytest.param("sealed", marks=only(mode="http")),
        pytest.param("neighbour", marks=only(mode="http")),
        pytest.param("host", marks=only(mode="https")),
    ],
)
def test_a_person_is_signed_in_without_the_form(
    name: str, page: Page, server: Server, cell: Cell, folder: Path, key: str
) -> None:
    profile = NAMED[name]
    middleware = middleware_of(profile, cell, folder, key)
    session = ClientSession(middleware, page.context, url=server.url)
    ada = "ada@example.com"
    session.begin({"email": ada, "counter": 41}, owner=ada, flash={"message": "Welcome back"})

    page.goto(f"{profile.prefix}/login")
    expect(page.locator("#logout-button")).to_have_text(f"Log out {ada}")
    expect(page.locator("#message")).to_have_text("Welcome back")
    page.goto(f"{profile.prefix}/")
    expect(page.get_by_role("heading", level=1)).to_have_text("You have visited this page 42 times")
    seen = session.look()
    assert seen
    assert seen.data["counter"] == 42
    assert seen.flash == {}

    session.change(lambda session: session.set("counter", 6))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("You have visited this page 7 times")

    session.change(lambda session: session.destroy())
    page.goto(f"{profile.prefix}/login")
    expect(page.locator("#login-button")).to_be_visible()
    assert session.look() is None


@promise("TEST-1")
@only(mode="http")
def test_the_recipe(new_context: Callable[..., BrowserContext], monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    blocks = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    shop = ModuleType("shop")
    exec(blocks["shop.py"], vars(shop))  # noqa: S102 (it is ours)
    monkeypatch.setitem(sys.modules, "shop", shop)
    recipe = ModuleType("test_browser")
    exec(blocks["test_browser.py"], vars(recipe))  # noqa: S102
    with running(shop.app) as url:
        recipe.test_a_person_sees_the_cart(new_context(base_url=url).new_page(), url)


@contextmanager
def running(app: Any) -> Iterator[str]:
    """The app in a thread of this process; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, ws="none", log_level="error"))
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the app did not start"
            time.sleep(0.01)
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
