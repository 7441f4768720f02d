"""SEAL-5: a mistake in the middleware's store or key is said at construction, with what to write instead."""

from __future__ import annotations

from traceback import TracebackException
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.datastructures import Secret
from support import KEY, OTHER_KEY, Browser, site

from sessions import CookieStore, MemoryStore, SessionMiddleware

pytestmark = pytest.mark.promise("SEAL-5")

SHORT = "hunter2-and-some-more"
REPEATED = "q" * 40
PASSWORD = "password-of-the-database"
SECRETS = (KEY, OTHER_KEY, SHORT, "qqq", PASSWORD)

A_STORE = "give a store such as MemoryStore(), or a URL such as 'memory:'"
A_SCHEME = "known are memory:, cookie:, sqlite:, redis:"
A_SQLITE_URL = "sqlite:///relative/path or sqlite:////absolute/path"
A_DATABASE_URL = "mariadb+asyncmy://user:password@host/database"
MAKE_ONE = "make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Is never called."""


@pytest.mark.parametrize(
    ("store", "kind", "wrong", "instead"),
    [
        (MemoryStore, TypeError, "store is the class MemoryStore", "MemoryStore(…)"),
        (CookieStore, TypeError, "store is the class CookieStore", "CookieStore(…)"),
        ({}, TypeError, "store is of type dict", A_STORE),
        (None, TypeError, "store is of type NoneType", A_STORE),
        (open, TypeError, "store is of type builtin_function_or_method", A_STORE),
        ("", ValueError, "no store has this URL scheme", A_SCHEME),
        ("memory", ValueError, "no store has this URL scheme", A_SCHEME),
        ("redis", ValueError, "no store has this URL scheme", A_SCHEME),
        ("sessions.db", ValueError, "no store has this URL scheme", A_SCHEME),
        (
            f"mysql://root:{PASSWORD}@localhost/app",
            ValueError,
            "no store has this URL scheme",
            A_SCHEME,
        ),
        (
            f"mariadb+nosuch://root:{PASSWORD}@localhost/app",
            ValueError,
            "a database store's URL is",
            A_DATABASE_URL,
        ),
        ("memory:large", ValueError, "nothing follows the colon", "memory: and cookie:"),
        ("sqlite:sessions.db", ValueError, "a SQLite store's URL is", A_SQLITE_URL),
        (f"sqlite://{PASSWORD}", ValueError, "a SQLite store's URL is", A_SQLITE_URL),
    ],
)
def test_what_is_no_store_is_refused(store: Any, kind: type[Exception], wrong: str, instead: str) -> None:
    refused(kind, wrong, instead, store=store, encryption_key=KEY)


@pytest.mark.parametrize(
    ("key", "kind", "wrong"),
    [
        (KEY.encode(), TypeError, "encryption_key is of type bytes, and must be text"),
        ({}, TypeError, "encryption_key is of type dict, and must be text"),
        ({"key": KEY}, TypeError, "encryption_key is of type dict, and must be text"),
        ([KEY, KEY.encode()], TypeError, "encryption_key[1] is of type bytes, and must be text"),
        (KEY.encode, TypeError, "what the function encryption_key returns is of type bytes"),
        (SHORT, ValueError, "encryption_key has 21 characters, at least 32 are needed"),
        (Secret(SHORT), ValueError, "encryption_key has 21 characters, at least 32 are needed"),
        (SecretStr(SHORT), ValueError, "encryption_key has 21 characters, at least 32 are needed"),
        ("", ValueError, "encryption_key has 0 characters, at least 32 are needed"),
        ([KEY, SHORT], ValueError, "encryption_key[1] has 21 characters, at least 32 are needed"),
        (REPEATED, ValueError, "encryption_key is one character repeated, which can be guessed"),
        ([REPEATED, KEY], ValueError, "encryption_key[0] is one character repeated, which can be guessed"),
        ([], ValueError, "encryption_key is an empty list, and needs at least one key"),
    ],
)
@pytest.mark.parametrize("store", [MemoryStore(), CookieStore()])
def test_what_is_no_key_is_refused(key: Any, kind: type[Exception], wrong: str, store: Any) -> None:
    refused(kind, wrong, MAKE_ONE, store=store, encryption_key=key)


def test_a_cookie_store_without_a_key_is_refused() -> None:
    refused(ValueError, "the cookie store needs an encryption_key", MAKE_ONE, store=CookieStore())


def refused(kind: type[Exception], wrong: str, instead: str, **options: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        SessionMiddleware(app, **options)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert message.startswith(wrong)
    assert instead in message
    faults = TracebackException.from_exception(caught.value, limit=0)  # with those that show up behind it
    shown = "".join(faults.format())
    assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "key", [KEY, Secret(KEY), SecretStr(KEY), lambda: KEY, [KEY], (Secret(KEY), OTHER_KEY)]
)
@pytest.mark.parametrize("store", ["memory:", "cookie:"])
async def test_what_is_a_key_is_taken(key: Any, store: str) -> None:
    browser = Browser(site(store=store, encryption_key=key))
    await browser.get("/write?a=1")
    assert (browser.cookie() or "").startswith("Fe26.2*")
    assert (await browser.get("/read")).json() == {"a": "1"}
