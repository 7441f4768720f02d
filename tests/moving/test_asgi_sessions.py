"""MOVE-1: Fernet tokens that asgi-sessions has written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgi_sessions import Session, SessionFernet, SessionMiddleware
from cryptography.fernet import Fernet
from support import Clock

from sessions.moving import AsgiSessionsCookie

from .old_apps import SECRET, VALUES, browser_for, cookie_of, each_kind, is_adopted, is_refused, owner

pytestmark = [pytest.mark.anyio, pytest.mark.promise("MOVE-1")]


def cookie(secret: str = SECRET, name: str = "session") -> str:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for key, value in VALUES.items():
            scope["session"][key] = value
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    old = SessionMiddleware(app, secret, session_type="fernet", cookie_name=name)

    async def whole(scope: Any, receive: Any, send: Any) -> None:  # starlette's client asks for a function
        await old(scope, receive, send)

    return cookie_of(whole, name)


@each_kind
@pytest.mark.parametrize("name", ["session", "visit"])
async def test_a_session(kind: Callable[[], dict[str, Any]], name: str) -> None:
    browser = browser_for(AsgiSessionsCookie(SECRET, name, owner=owner), **kind())
    await is_adopted(browser, cookie(name=name), name)


@pytest.mark.parametrize("secret", ["s", "s" * 31, "s" * 32])
async def test_secrets_of_any_length(secret: str) -> None:
    await is_adopted(browser_for(AsgiSessionsCookie(secret)), cookie(secret), "session")


@pytest.mark.parametrize("secret", ["", "s" * 33])
def test_a_secret_that_asgi_sessions_does_not_take(secret: str) -> None:
    with pytest.raises(ValueError, match="32 characters"):
        AsgiSessionsCookie(secret)


async def test_what_asgi_sessions_refuses_is_refused(clock: Clock) -> None:
    value = cookie()
    await is_refused(browser_for(AsgiSessionsCookie("another secret")), value, "session")
    await is_refused(browser_for(AsgiSessionsCookie(SECRET)), value.swapcase(), "session")
    clock.go(14 * 24 * 60 * 60 + 1)
    await is_refused(browser_for(AsgiSessionsCookie(SECRET)), value, "session")


async def test_another_spelling_is_the_same_session() -> None:
    value = cookie()
    browser = browser_for(AsgiSessionsCookie(SECRET))
    browser.plant(value)
    await browser.get("/read")
    await browser.get("/destroy")
    for spelled in (value.rstrip("=") + "===", value[:8] + "!" + value[8:]):
        thief = browser.copy()
        thief.plant(spelled)
        assert (await thief.get("/read")).json() == {}


@pytest.mark.parametrize("text", [b"[]", b"{", b"\x80\x04}q\x00."])
async def test_a_content_that_is_none(text: bytes) -> None:
    key = SessionFernet(secret=SECRET).secret  # type: ignore[no-untyped-call, unused-ignore]
    token = Fernet(key).encrypt(text).decode()
    await is_refused(browser_for(AsgiSessionsCookie(SECRET)), token, "session")


async def test_a_session_that_is_only_encoded_is_never_taken() -> None:
    """`session_type="base64"`: anybody can write one."""
    value = Session(**VALUES).encode()
    assert Session(value) == VALUES
    await is_refused(browser_for(AsgiSessionsCookie(SECRET)), value, "session")
