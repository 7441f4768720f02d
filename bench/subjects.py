"""What is measured, by the kind of store. The bare app is measured with each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import starsessions
from starlette.middleware.sessions import SessionMiddleware as StarletteSessions
from starsessions.stores.redis import RedisStore as StarsessionsRedis

from bench import django_sessions, floors
from bench.apps import Asgi, app
from bench.settings import KEY, REFRESH_INTERVAL, TWO_WEEKS
from sessions import CookieStore, MemoryStore, SessionMiddleware
from sessions.stores import Storage, open_store

BARE = "bare app"


@dataclass(frozen=True)
class Subject:
    name: str
    make: Callable[[str], Asgi]
    """The app behind these sessions, from the store's place: a URL, or a file's path."""
    kind: str = "ours"
    """`ours`, `floor` (by hand) or `peer` (another library)."""


@dataclass(frozen=True)
class Group:
    """Subjects that have a store of one kind. They are measured in turns."""

    name: str
    subjects: tuple[Subject, ...]
    service: str | None = None
    """What is to be started for it (`services/`), or `file`."""

    @property
    def title(self) -> str:
        return {"sqlite": "SQLite", "postgres": "PostgreSQL"}.get(self.name, self.name.capitalize())


def bare(_: str) -> Asgi:
    return app()


def _ours(store: Callable[[str], Storage | str]) -> Callable[[str], Asgi]:
    return lambda place: SessionMiddleware(
        app(), store(place), expire_after=TWO_WEEKS, refresh_interval=REFRESH_INTERVAL
    )


def _through_sqlalchemy(url: str) -> str:
    return f"postgresql+asyncpg://{url.partition('://')[2]}?table=through_sqlalchemy"


def _our_cookie(_: str) -> Asgi:
    return SessionMiddleware(
        app(),
        CookieStore(),
        encryption_key=KEY,
        expire_after=TWO_WEEKS,
        refresh_interval=REFRESH_INTERVAL,
    )


def _starlette(_: str) -> Asgi:
    return StarletteSessions(app(), secret_key=KEY, max_age=TWO_WEEKS)


def _starsessions(store: Callable[[str], starsessions.SessionStore]) -> Callable[[str], Asgi]:
    # It loads a session only when it is told to; its own documentation adds this middleware.
    return lambda place: starsessions.SessionMiddleware(
        starsessions.SessionAutoloadMiddleware(app()),
        store=store(place),
        lifetime=TWO_WEEKS,
        cookie_https_only=False,
    )


def _named(library: str, what: str) -> str:
    return f"{library} {version(library)}, {what}"


GROUPS = (
    Group(
        "memory",
        (
            Subject("sessions, memory", _ours(lambda _: MemoryStore())),
            Subject(
                _named("starsessions", "memory"),
                _starsessions(lambda _: starsessions.InMemoryStore()),
                "peer",
            ),
        ),
    ),
    Group(
        "cookie",
        (
            Subject("sessions, encrypted cookie", _our_cookie),
            Subject(_named("Starlette", "signed cookie"), _starlette, "peer"),
            Subject(
                _named("starsessions", "signed cookie"),
                _starsessions(lambda _: starsessions.CookieStore(secret_key=KEY)),
                "peer",
            ),
        ),
    ),
    Group(
        "sqlite",
        (
            Subject("sessions, SQLite", _ours(lambda place: f"sqlite:///{place}")),
            Subject(
                "by hand: SELECT or UPDATE in a thread",
                lambda place: floors.by_hand(floors.SQLiteByHand(f"{place}-b")),
                "floor",
            ),
            Subject(
                "by hand: SELECT 1 in a thread",
                lambda place: floors.by_hand(floors.SQLiteSelect1(f"{place}-c")),
                "floor",
            ),
            Subject(
                _named("Django", "database on SQLite"),
                lambda place: django_sessions.database(f"{place}-d"),
                "peer",
            ),
        ),
        "file",
    ),
    Group(
        "redis",
        (
            Subject("sessions, Redis", _ours(open_store)),
            Subject("by hand: GET or SET", lambda place: floors.by_hand(floors.RedisByHand(place)), "floor"),
            Subject(_named("starsessions", "Redis"), _starsessions(StarsessionsRedis), "peer"),
            Subject(_named("Django", "cache on Redis"), django_sessions.cache, "peer"),
        ),
        "redis",
    ),
    Group(
        "postgres",
        (
            Subject("sessions, PostgreSQL", _ours(open_store)),
            Subject("sessions, SQLAlchemy on PostgreSQL", _ours(_through_sqlalchemy)),
            Subject(
                "by hand: SELECT or UPDATE",
                lambda place: floors.by_hand(floors.PostgresByHand(place)),
                "floor",
            ),
        ),
        "postgres",
    ),
)
