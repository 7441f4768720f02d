"""What the tests of moving in share: apps of other libraries to sign in at, and ours for the same browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest
from starlette.testclient import TestClient
from support import KEY, Browser, site

from sessions import CookieStore, MemoryStore
from sessions.moving import OldCookie

SECRET: Final = "the secret of the old app"
VALUES: Final[dict[str, Any]] = {"user_id": 7, "cart": ["bread", {"count": 2}], "theme": "dark"}
"""What each old app keeps of the person at its login."""


def owner(data: dict[str, Any]) -> int | None:
    """Whom a session with `VALUES` belongs to."""
    user: int | None = data.get("user_id")
    return user


def browser_for(*adopt: OldCookie, store: Any = None, **options: Any) -> Browser:
    """A browser that visits our app, which adopts these."""
    return Browser(site(store=MemoryStore() if store is None else store, adopt=list(adopt), **options))


KINDS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "server-side": lambda: {"store": MemoryStore()},
    "sealed id": lambda: {"store": MemoryStore(), "encryption_key": KEY},
    "cookie": lambda: {"store": CookieStore(), "encryption_key": KEY},
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
"""Where our sessions live."""


class NeverAsked:
    """A store of another library that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        async def ask(key: str) -> Any:
            raise AssertionError("it was asked")

        return ask


def cookie_set(lines: Iterable[str], name: str) -> str:
    """The value of a cookie among `Set-Cookie` lines, as a browser keeps it."""
    for line in lines:
        if line.startswith(f"{name}="):
            return line.partition(";")[0].partition("=")[2]
    raise AssertionError(f"no cookie {name!r} was set")


def cookie_of(app: Any, name: str, path: str = "/login") -> str:
    """The value of the cookie that this ASGI app sets at its login."""
    answer = TestClient(app, base_url="https://app.example").get(path)
    assert answer.status_code == 200
    return cookie_set(answer.headers.get_list("set-cookie"), name)


async def is_adopted(browser: Browser, value: str, name: str, values: Any = VALUES) -> None:
    """The browser comes with the old cookie, goes on with its session, and holds ours alone from then on."""
    browser.plant(value, name)
    first = await browser.get("/read")
    assert (first.status, first.json()) == (200, values)
    kept = browser.cookie("session")
    assert kept
    assert kept != value
    if name != "session":
        assert browser.cookie(name) is None
    second = await browser.get("/read")
    assert second.json() == values
    assert second.set_cookies == []
    assert browser.cookie("session") == kept


async def is_refused(browser: Browser, value: str, name: str) -> None:
    """The browser comes with a cookie that opens nothing. It is anonymous, and keeps what it has."""
    browser.plant(value, name)
    for _ in range(2):
        answer = await browser.get("/read")
        assert (answer.status, answer.json(), answer.set_cookies) == (200, {}, [])
        assert browser.cookie(name) == value
