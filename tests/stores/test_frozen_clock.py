"""A test's clock, of freezegun or of time-machine, is the clock of every store."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from freezegun import freeze_time
from starlette.testclient import TestClient
from support import KEY, site

from sessions import CookieStore, MemoryStore, PostgresStore, RedisStore, SQLAlchemyStore, SQLiteStore, Store
from sessions.testing import ClientSession

IDLE = 1800
"""Seconds."""

START = datetime(2031, 5, 6, 12, tzinfo=UTC)

Move = Callable[[float], Any]


@contextmanager
def freezegun() -> Iterator[Move]:
    with freeze_time(START) as clock:
        yield clock.tick


@contextmanager
def time_machine_() -> Iterator[Move]:
    with time_machine.travel(START, tick=False) as clock:
        yield clock.shift


@pytest.fixture(params=[freezegun, time_machine_], ids=["freezegun", "time-machine"])
def move(request: pytest.FixtureRequest) -> Iterator[Move]:
    """The clock stands still; this moves it on by some seconds."""
    with request.param() as move:
        yield move


STORES = ["memory", "sqlite", "redis", "postgres", "sqlalchemy", "cookie", "shared cookie"]


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    match request.param:
        case "memory":
            return MemoryStore()
        case "sqlite":
            return SQLiteStore(tmp_path / "sessions.db")
        case "redis":
            url = request.getfixturevalue("redis_url")
            return RedisStore(url, prefix=f"test-{secrets.token_hex(4)}:")
        case "postgres":
            return PostgresStore(
                request.getfixturevalue("postgres_url"), table=f"test_{secrets.token_hex(4)}"
            )
        case "sqlalchemy":
            return SQLAlchemyStore(f"sqlite+aiosqlite:///{tmp_path}/app.db")
        case "cookie":
            return CookieStore()
    return CookieStore(shared_with="hono-sessions")


@pytest.mark.promise("TEST-1: a frozen clock")
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "not open"])
def test_a_session_ends_by_it(any_store: Any, move: Move, is_open: bool) -> None:
    app = site(store=any_store, encryption_key=KEY, expire_after=IDLE)
    client = TestClient(app)
    if is_open:
        client.__enter__()
    session = ClientSession(app, client)
    session.begin({"cart": [1]}, owner="ada")
    seen = session.look()
    assert seen
    assert seen.created_at == seen.authenticated_at == START
    move(IDLE - 1)
    seen = session.look()
    assert seen
    assert seen.data == {"cart": [1]}
    cookies = dict(client.cookies)
    move(1)
    assert client.get("/read").json() == {}
    assert session.look() is None
    client.cookies.update(cookies)  # which a browser would have forgotten by now
    assert session.look() is None
    assert client.get("/read").json() == {}
    if isinstance(any_store, Store) and client.portal:
        assert client.portal.call(any_store.sessions_of, "ada") == []
        assert client.portal.call(any_store.purge) in (0, 1)
    if is_open:
        client.__exit__()
