"""What is kept of a run: docs/torture.json has the last long one on each store."""

from __future__ import annotations

import platform
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from torture.run import Result
from torture.servers import STORES, described

PACKAGES: Final = ("uvicorn", "starlette", "redis", "asyncpg", "sqlalchemy")


class Summary(msgspec.Struct):
    """One run on one store, in numbers."""

    store: str
    described: str
    """The store with the version of what is behind it."""
    versions: str
    day: str
    operations: int
    sessions: int
    unavailable: int
    """Answers with the status 503."""
    unanswered: int
    seconds: float
    strikes: dict[str, int]
    checked: dict[str, int]
    violations: dict[str, int]
    """How many of each rule."""

    @classmethod
    def of(cls, result: Result) -> Summary:
        python = f"{platform.python_implementation()} {platform.python_version()}"
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        return cls(
            result.store,
            described(result.store),
            f"{python}, {packages}, {platform.system()}",
            time.strftime("%Y-%m-%d", time.gmtime()),
            result.operations,
            result.lives,
            result.counts["503"],
            result.counts["without an answer"],
            round(result.seconds),
            dict(result.strikes),
            dict(result.checked),
            dict(Counter(violation.rule for violation in result.violations)),
        )


def keep(file: Path, summaries: list[Summary]) -> list[Summary]:
    """Replace the earlier ones of the same stores. Returns all, in the order of the stores."""
    kept = msgspec.json.decode(file.read_bytes(), type=list[Summary]) if file.exists() else []
    by_store = {each.store: each for each in [*kept, *summaries]}
    all_of_them = [by_store[store] for store in STORES if store in by_store]
    file.write_bytes(msgspec.json.format(msgspec.json.encode(all_of_them)) + b"\n")
    return all_of_them
