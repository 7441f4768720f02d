"""What the tests of moving in share: an app of another library to sign in at, and ours for the same browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from http.cookies import SimpleCookie
from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient
from support import KEY, Browser, site

from sessions import CookieStore, MemoryStore, Session
from sessions.moving import OldCookie

VALUES: dict[str, Any] = {"user_id": 7, "cart": ["bread", {"count": 2}], "theme": "dark"}
"""What each old app keeps of the person, as far as JSON can hold it."""


def owner(data: dict[str, Any]) -> int | None:
    """Whom a session with `VALUES` belongs to."""
    user: int | None = data.get("user_id")
    return user


def browser_for(*adopt: OldCookie, store: Any = None, **options: Any) -> Browser:
    """A browser that visits our app, which adopts these."""
    return Browser(site(store=MemoryStore() if store is None else store, adopt=list(adopt), **options))


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "server-side": lambda: {"store": MemoryStore()},
    "sealed id": lambda: {"store": MemoryStore(), "encryption_key": KEY},
    "cookie": lambda: {"store": CookieStore(), "encryption_key": KEY},
}
"""Where our sessions live."""


def cookie_of(app: Any, name: str, path: str = "/login") -> str:
    """The value of the cookie that this ASGI app sets at its login."""
    with TestClient(app, base_url="https://app.example") as client:
        answer = client.get(path)
        assert answer.status_code == 200
        return morsel(answer.headers.get_list("set-cookie"), name)


def morsel(lines: Sequence[str], name: str) -> str:
    """The value of a cookie among `Set-Cookie` lines, as a browser keeps it."""
    for line in lines:
        if line.startswith(f"{name}="):
            return line.partition(";")[0].partition("=")[2]
    raise AssertionError(f"no cookie {name!r} was set")


def removes(lines: Sequence[str], name: str) -> bool:
    return any(line.startswith(f"{name}=;") and "Max-Age=0" in line for line in lines)


def copied(values: Any) -> Any:
    return json.loads(json.dumps(values))


__all__ = ["KINDS", "VALUES", "Session", "SimpleCookie", "Starlette", "browser_for", "cookie_of", "removes"]
