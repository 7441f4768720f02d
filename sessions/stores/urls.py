"""Stores by URL, for settings files and the command line: `memory:`, `cookie:`, `sqlite:///path`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final
from urllib.parse import unquote

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


def _sqlite(url: str) -> Storage:
    """`sqlite:///sessions.db` is relative to the working directory, `sqlite:////var/…` absolute."""
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path:
        raise ValueError("a SQLite store's URL is sqlite:///relative/path or sqlite:////absolute/path")
    return SQLiteStore(unquote(path))


OPENERS: Final[dict[str, Callable[[str], Storage]]] = {
    "memory": lambda url: _bare(url, MemoryStore),
    "cookie": lambda url: _bare(url, CookieStore),
    "sqlite": _sqlite,
}
"""How a URL of each scheme is opened."""


def open_store(url: str) -> Storage:
    """Make the store that a URL names.

    Raises `ValueError` for a URL that is none of a store's. The message does not quote the URL, which may
    hold a password.
    """
    scheme = url.partition(":")[0].lower()
    opener = OPENERS.get(scheme)
    if opener is None:
        for entry in entry_points(group=ENTRY_POINT_GROUP, name=scheme):
            opener = entry.load()
    if opener is None:
        known = ", ".join(f"{name}:" for name in OPENERS)
        raise ValueError(f"no store has this URL scheme; known are {known}")
    return opener(url)
