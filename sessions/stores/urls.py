"""Stores by URL, for settings files and the command line.

    memory:      cookie:      cookie:?shared_with=hono-sessions      sqlite:///relative/path      sqlite:////absolute/path
    redis://user:password@host:6379/0      rediss://… (TLS)      redis+cluster://…      valkey…://… likewise
    postgresql://user:password@host:5432/database
    mariadb+asyncmy://…        and any other URL of SQLAlchemy's that names dialect+driver

`?prefix=NAME` (Redis) and `?table=NAME` (databases) say where in there, where that is not the default.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

from sessions.stores.base import Storage
from sessions.stores.cookie import CookieStore
from sessions.stores.memory import MemoryStore
from sessions.stores.sqlite import SQLiteStore

ENTRY_POINT_GROUP: Final = "sessions.stores"
"""Where a package offers a store of its own: a scheme as the name, a function from URL to store."""


def _bare(url: str, store: Callable[[], Storage]) -> Storage:
    if url.rstrip("/").endswith(":"):
        return store()
    raise ValueError("nothing follows the colon in the URLs memory: and cookie:")


def _cookie(url: str) -> Storage:
    url, options = _without("shared_with", url)
    return _bare(url, lambda: CookieStore(**options))


def _sqlite(url: str) -> Storage:
    """`sqlite:///sessions.db` is relative to the working directory, `sqlite:////var/…` absolute."""
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path:
        raise ValueError("a SQLite store's URL is sqlite:///relative/path or sqlite:////absolute/path")
    return SQLiteStore(unquote(path))


def _redis(url: str) -> Storage:
    from sessions.stores.redis import RedisStore  # noqa: PLC0415 (an extra, imported only when used)

    url, options = _without("prefix", url)
    return RedisStore(url, **options)


def _postgres(url: str) -> Storage:
    from sessions.stores.postgres import PostgresStore  # noqa: PLC0415

    url, options = _without("table", url)
    return PostgresStore(url, **options)


def _sqlalchemy(url: str) -> Storage:
    from sessions.stores.sqlalchemy import SQLAlchemyStore  # noqa: PLC0415

    url, options = _without("table", url)
    return SQLAlchemyStore(url, **options)


def _without(name: str, url: str) -> tuple[str, dict[str, Any]]:
    """The URL without our own part of its query, and that part."""
    base, _, query = url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    rest = urlencode([pair for pair in pairs if pair[0] != name])
    return base + (f"?{rest}" if rest else ""), {key: value for key, value in pairs if key == name}


ANY_DRIVER: Final = "dialect+driver"
"""Stands in the table for each scheme with a plus sign that is not in it: SQLAlchemy knows them."""

OPENERS: Final[dict[str, Callable[[str], Storage]]] = {
    "memory": lambda url: _bare(url, MemoryStore),
    "cookie": _cookie,
    "sqlite": _sqlite,
    **dict.fromkeys(("redis", "rediss", "valkey", "valkeys"), _redis),
    **dict.fromkeys(("redis+cluster", "rediss+cluster", "valkey+cluster", "valkeys+cluster"), _redis),
    "postgresql": _postgres,
    "postgres": _postgres,
    ANY_DRIVER: _sqlalchemy,
}
"""How a URL of each scheme is opened."""


def open_store(url: str) -> Storage:
    """Make the store that a URL names.

    Raises `ValueError` for a URL that is none of a store's, and `ImportError` that names the extra when the
    store's client is not installed. The messages do not quote the URL, which may hold a password.
    """
    name, colon, _ = url.partition(":")
    scheme = name.lower() if colon else ""
    opener = OPENERS.get(scheme)
    if opener is None:
        for entry in entry_points(group=ENTRY_POINT_GROUP, name=scheme):
            opener = entry.load()
    if opener is None and "+" in scheme:
        opener = OPENERS[ANY_DRIVER]
    if opener is None:
        known = ", ".join(f"{name}:" for name in OPENERS)
        raise ValueError(f"no store has this URL scheme; known are {known}")
    return opener(url)
