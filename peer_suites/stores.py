"""The stores that the peers' tests run on: those that need no service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sessions import CookieStore, MemoryStore, SQLiteStore, Store
from sessions.stores import Storage

MAKE_SERVER_SIDE: Final[Mapping[str, Callable[[Path], Store]]] = {
    "memory": lambda _folder: MemoryStore(),
    "sqlite": lambda folder: SQLiteStore(folder / "sessions.db"),
}
"""By name. Each takes a folder that the store may use."""

MAKE: Final[Mapping[str, Callable[[Path], Storage]]] = {
    **MAKE_SERVER_SIDE,
    "cookie": lambda _folder: CookieStore(),
}
