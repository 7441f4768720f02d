"""What a run finds out of one store, and where it is kept: docs/scale.json has the last run of each."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Any, Self

import msgspec

from scale.places import STORES


class Times(msgspec.Struct):
    """Medians, in microseconds."""

    read: float
    write: float


class Purge(msgspec.Struct):
    removed: int
    seconds: float
    longest_wait: float
    """Milliseconds that the slowest read waited while the purge ran."""
    longest_wait_alone: float
    """The same in as long a time without a purge."""


class Owner(msgspec.Struct):
    sessions: int
    list_seconds: float
    end_seconds: float


class Births(msgspec.Struct):
    number: int
    grown: int
    """Bytes that the process takes more after them."""


class Figures(msgspec.Struct, kw_only=True):
    store: str
    day: str
    python: str
    sessions: int
    fill_seconds: float
    beside: float
    """Bytes that a session takes beside its payload."""
    few: Times
    many: Times
    purge: Purge | None
    """None if the store removes by itself what has expired."""
    owner: Owner
    births: Births

    @classmethod
    def of(cls, store: str, **figures: Any) -> Self:
        day = time.strftime("%Y-%m-%d", time.gmtime())
        return cls(store=store, day=day, python=platform.python_version(), **figures)


def keep(file: Path, figures: list[Figures]) -> list[Figures]:
    """Replace the earlier ones of the same stores. Returns all, in the order of the stores."""
    kept = msgspec.json.decode(file.read_bytes(), type=list[Figures]) if file.exists() else []
    by_store = {each.store: each for each in [*kept, *figures]}
    all_of_them = [by_store[store] for store in STORES if store in by_store]
    file.write_bytes(msgspec.json.format(msgspec.json.encode(all_of_them)) + b"\n")
    return all_of_them
