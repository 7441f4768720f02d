"""A test's clock, of freezegun or of time-machine, is the clock of every store."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
import time_machine
from freezegun import config as freezegun_config
from freezegun import freeze_time
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from support import KEY, answer, own, site

from sessions import CookieStore, MemoryStore, PostgresStore, RedisStore, SQLAlchemyStore, SQLiteStore, Store
from sessions.testing import ClientSession
from sessions.testing.kit import a_key, a_record

IDLE = 1800
"""Seconds."""

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")

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
    with TestClient(app) if is_open else nullcontext(TestClient(app)) as client:
        go_through_a_life(ClientSession(app, client), any_store, move)


def go_through_a_life(session: ClientSession[TestClient], store: Any, move: Move) -> None:
    client = session.client
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
    if isinstance(store, Store) and client.portal:
        assert client.portal.call(store.sessions_of, "ada") == []
        # Redis has removed it, or will; and so may the app's own purge, as freezegun stops that clock too.
        assert client.portal.call(store.purge) in (0, 1)
        assert client.portal.call(store.purge) == 0


@pytest.mark.promise("TEST-1: a frozen clock")
@pytest.mark.parametrize("any_store", STORES[:5], indirect=True)
def test_a_record_ends_by_it_in_each_method(any_store: Store, move: Move) -> None:
    key, other = a_key(), a_key()

    async def go_through_a_life() -> None:
        store = any_store
        for each in (key, other):
            assert await store.create(each, a_record(lives=IDLE, owner="ada"))
        move(IDLE - 1)
        assert not await store.create(key, a_record(lives=IDLE))
        assert len(await store.owned_by("ada")) == 2
        assert await store.purge() == 0
        assert await store.load(key)
        move(1)
        assert not await store.replace(key, a_record(version=2), expected=1)
        assert await store.load(key) is None
        assert await store.owned_by("ada") == []
        assert await store.create(key, a_record(lives=IDLE))
        assert await store.purge() == (0 if isinstance(store, RedisStore) else 1)
        await store.close()

    anyio.run(go_through_a_life)


@pytest.mark.promise("TEST-1: a frozen clock")
def test_a_session_can_be_had_on_any_day(any_store: Any) -> None:
    """Long ago and far ahead: nothing is over because of the clock of a server, or of the machine."""
    for day in (datetime(1999, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)):
        with time_machine.travel(day, tick=False):
            app = site(store=any_store, encryption_key=KEY, expire_after=IDLE)
            session = ClientSession(app, TestClient(app))
            session.begin({"cart": [1]})
            seen = session.look()
            assert seen
            assert seen.created_at == day


def log_in_again(request: Request) -> Response:
    """Not asynchronous: Starlette calls it in a thread."""
    own(request).reauthenticate()
    return answer()


@pytest.fixture
def also_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/testing.md says, freezegun has to be told to stop the clock there."""
    ignored = ["_pytest.runner.", "_pytest.terminal."]
    assert f"freezegun.configure(default_ignore_list={json.dumps(ignored)})" in PAGE
    monkeypatch.setattr(freezegun_config.settings, "default_ignore_list", ignored)


@pytest.mark.promise("TEST-1: a frozen clock")
def test_a_handler_in_a_thread(also_in_threads: None, move: Move) -> None:
    app = site(store=MemoryStore(), expire_after=2 * IDLE, routes=[Route("/log_in_again", log_in_again)])
    session = ClientSession(app, TestClient(app))
    session.begin(owner="ada")
    move(IDLE)
    assert session.client.get("/log_in_again").status_code == 200
    seen = session.look()
    assert seen
    assert seen.authenticated_at == START + timedelta(seconds=IDLE)
