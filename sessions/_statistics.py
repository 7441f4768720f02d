"""What a store holds, in numbers: how old the sessions are, how large, whose, and how many a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sessions._lifetime import EPOCH, moment
from sessions._record import Record

DAYS: Final = 14
"""How many days are told one by one."""

MAX_OWNERS: Final = 100_000
"""Owners that are told apart, some 20 MB of them. What the others have is counted together."""

_HOUR: Final = 3600.0
AGES: Final = {
    "under 1 hour": _HOUR,
    "under 1 day": 24 * _HOUR,
    "under 7 days": 7 * 24 * _HOUR,
    "under 30 days": 30 * 24 * _HOUR,
    "older": float("inf"),
}
"""Name of each class of ages, and the seconds that it ends at."""

SIZES: Final = {
    "up to 1 kB": 1_000,
    "up to 10 kB": 10_000,
    "up to 100 kB": 100_000,
    "larger": float("inf"),
}
"""Name of each class of sizes, and the bytes that it goes up to."""


class Statistics:
    """Takes in one record after the other, and needs the same memory for any number of them."""

    def __init__(self, now: float) -> None:
        """`now` is in seconds since the epoch."""
        self._now = now
        self._today = (moment(now) or EPOCH).date()
        self.sessions = self.bytes = self.largest = self.without_owner = self.of_other_owners = 0
        self._owners: Counter[str] = Counter()
        self._ages = dict.fromkeys(AGES, 0)
        self._sizes = dict.fromkeys(SIZES, 0)
        first = self._today - timedelta(days=DAYS - 1)
        self._days = {(first + timedelta(days=day)).isoformat(): 0 for day in range(DAYS)}

    def add(self, record: Record) -> None:
        size = len(record.payload)
        self.sessions += 1
        self.bytes += size
        self.largest = max(self.largest, size)
        self._sizes[next(name for name, end in SIZES.items() if size <= end)] += 1
        age = self._now - record.created_at
        self._ages[next(name for name, end in AGES.items() if age < end)] += 1
        day = datetime.fromtimestamp(record.created_at, UTC).date().isoformat()
        if day in self._days:
            self._days[day] += 1
        self._add_owner(record.owner)

    def _add_owner(self, owner: str | None) -> None:
        if owner is None:
            self.without_owner += 1
        elif owner in self._owners or len(self._owners) < MAX_OWNERS:
            self._owners[owner] += 1
        else:
            self.of_other_owners += 1

    @property
    def most_of_one_owner(self) -> int:
        return max(self._owners.values(), default=0)

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "sessions": self.sessions,
            "bytes": self.bytes,
            "largest": self.largest,
            "ages": self._ages,
            "sizes": self._sizes,
            "without_owner": self.without_owner,
            "owners": len(self._owners),
            "owners_are_all": not self.of_other_owners,
            "most_of_one_owner": self.most_of_one_owner,
            "begun": self._days,
        }

    def lines(self) -> list[str]:
        """As people read it."""
        more = "" if not self.of_other_owners else " at least"
        return [
            f"{self.sessions} sessions, {size_text(self.bytes)}, the largest {size_text(self.largest)}",
            *_table("age", self._ages),
            *_table("size", self._sizes),
            *_table(
                "owner",
                {
                    "without an owner": self.without_owner,
                    "with an owner": self.sessions - self.without_owner,
                    f"owners{more}": len(self._owners),
                    "most of one owner": self.most_of_one_owner,
                },
            ),
            *_table("begun on (UTC)", self._days),
        ]


def _table(title: str, numbers: Mapping[str, int]) -> list[str]:
    return ["", title, *(f"  {name:<18}{number:>10}" for name, number in numbers.items())]


def size_text(size: float) -> str:
    """Bytes, in the unit that makes them short."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
