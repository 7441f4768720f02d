"""MOVE-1: sessions that Flask-Session has kept in Redis."""

from __future__ import annotations

import pickle
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import flask
import flask_session
import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from support import KEY

from sessions import CookieStore
from sessions.moving import FlaskSession

from .old_apps import SECRET, VALUES, browser_for, cookie_set, each_kind, is_adopted, is_refused, owner

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.promise("MOVE-1"),
    pytest.mark.filterwarnings("ignore:The 'use_signer' option is deprecated:DeprecationWarning"),
]

PERMANENT = {"_permanent": True}
"""A value of Flask-Session's own, in each session."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # which the client of Redis needs


class Old:
    """An old app, and what reads its sessions."""

    def __init__(self, url: str, prefix: str = "") -> None:
        self.url = url
        self.prefix = prefix or f"old-{secrets.token_hex(4)}:"
        self.client = Redis.from_url(url)

    def cookie(self, values: dict[str, Any], **config: Any) -> str:
        """The cookie of a Flask app that keeps these values at its login."""
        app = flask.Flask("old")
        client = SyncRedis.from_url(self.url)
        app.config.update(
            SECRET_KEY=SECRET,
            SESSION_TYPE="redis",
            SESSION_REDIS=client,
            SESSION_KEY_PREFIX=self.prefix,
            **config,
        )
        flask_session.Session(app)

        @app.route("/login")
        def login() -> str:
            flask.session.update(values)
            return ""

        lines = app.test_client().get("/login").headers.getlist("Set-Cookie")
        client.close()
        return cookie_set(lines, "session")

    def adopts(self, **options: Any) -> FlaskSession:
        return FlaskSession(self.client, key_prefix=self.prefix, owner=owner, **options)


@pytest.fixture
def old(redis_url: str) -> Old:
    return Old(redis_url)


@pytest.fixture(params=["msgpack", "json"])
def value(request: pytest.FixtureRequest, old: Old) -> str:
    return old.cookie(VALUES, SESSION_SERIALIZATION_FORMAT=request.param)


@pytest.fixture
def signed(old: Old) -> str:
    return old.cookie(VALUES, SESSION_USE_SIGNER=True)


@pytest.fixture
def odd(old: Old) -> str:
    return old.cookie({"date": datetime(2026, 5, 4, tzinfo=UTC), "bytes": b"\xff", "tuple": (1, 2)})


@each_kind
async def test_a_session(kind: Callable[[], dict[str, Any]], old: Old, value: str) -> None:
    options = kind()
    await is_adopted(browser_for(old.adopts(), **options), value, "session", {**VALUES, **PERMANENT})
    left = await old.client.keys(old.prefix + "*")
    assert len(left) == isinstance(options["store"], CookieStore)


async def test_the_answer_was_lost(old: Old, value: str) -> None:
    """Its id has the form of one of ours, and comes in a cookie of the same name."""
    browser = browser_for(old.adopts())
    browser.plant(value)
    before = browser.copy()
    await browser.get("/write?a=1")
    assert (await before.get("/read")).json() == {**VALUES, **PERMANENT, "a": "1"}
    assert before.cookie() == browser.cookie()


async def test_with_a_signed_id(old: Old, signed: str) -> None:
    await is_refused(browser_for(old.adopts()), signed, "session")
    await is_refused(browser_for(old.adopts(secret_key="another")), signed, "session")
    browser = browser_for(old.adopts(secret_key=SECRET))
    await is_adopted(browser, signed, "session", {**VALUES, **PERMANENT})


async def test_an_id_that_was_not_signed(old: Old, value: str) -> None:
    await is_refused(browser_for(old.adopts(secret_key=SECRET)), value, "session")


async def test_values_that_json_does_not_have(old: Old, odd: str) -> None:
    plain = {"date": "2026-05-04T00:00:00Z", "bytes": "/w==", "tuple": [1, 2], **PERMANENT}
    browser = browser_for(old.adopts())
    browser.plant(odd)
    values = (await browser.get("/read")).json()
    assert values.pop("date") in (plain.pop("date"), "2026-05-04T00:00:00+00:00")
    assert values == plain


class Program:
    opened = False

    def __setstate__(self, state: Any) -> None:
        Program.opened = True


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
async def test_a_pickle_is_not_opened(old: Old, protocol: int, caplog: pytest.LogCaptureFixture) -> None:
    program = Program()
    program.opened = False
    for number, content in enumerate(({"user_id": 1, "program": program}, {})):
        name = f"{number}{secrets.token_urlsafe(32)}"
        await old.client.set(old.prefix + name, pickle.dumps(content, protocol))
        await is_refused(browser_for(old.adopts()), name, "session")
        await is_refused(browser_for(old.adopts(), store=CookieStore(), encryption_key=KEY), name, "session")
    assert not Program.opened
    assert "a pickle is not opened" in caplog.text


@pytest.mark.parametrize("name", ["", "x" * 15, "x" * 300, "../" * 8, "é" * 20, "x" * 20_000, "x" * 43])
async def test_an_id_that_is_none(old: Old, name: str) -> None:
    browser = browser_for(old.adopts())
    browser.plant(name)
    answer = await browser.get("/read")
    assert (answer.status, answer.json(), answer.set_cookies) == (200, {}, [])


async def test_a_client_that_gives_text(old: Old, redis_url: str) -> None:
    name = secrets.token_urlsafe(32)
    await old.client.set(old.prefix + name, '{"a":1}')
    client = Redis.from_url(redis_url, decode_responses=True)
    browser = browser_for(FlaskSession(client, key_prefix=old.prefix))
    await is_adopted(browser, name, "session", {"a": 1})
    await client.aclose()
