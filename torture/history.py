"""What one browser sent during the life of one session, and what came back.

Times are counts: the number of things that had happened in the run. What was sent after another answer had
come back is later than it, and all that overlaps is in no order.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

OK: Final = 200
GONE: Final = 409
"""What the app answers if the library has told it that the session has ended."""
AWAY: Final = 503

ROTATING: Final = frozenset({"login", "rotate"})
ENDING: Final = frozenset({"logout", "everywhere"})


class Operation(msgspec.Struct, omit_defaults=True):
    """One request."""

    kind: str
    number: int
    """No two operations of a run have the same."""
    cookie: int
    """Which of the session's cookies it was sent with, counted from 0; -1 for none."""
    lane: int
    sent: int
    answered: int = 0
    """0: no answer came. It may be done, now or later, or never."""
    status: int = 0
    seen: Mapping[str, Any] = {}
    """What the handler has seen, before its own changes."""
    set_cookie: int | None = None
    """Which of the session's cookies the answer brought, or one of these."""
    sent_at: float = 0.0
    answered_at: float = 0.0
    """Seconds, by a clock that no nemesis touches."""

    @property
    def acknowledged(self) -> bool:
        return self.status == OK

    @property
    def live(self) -> bool:
        """Whether the handler saw the session, and not an anonymous one."""
        return bool(self.seen.get("life"))


REMOVED: Final = -1
"""The answer removed the cookie."""
OF_NOBODY_KNOWN: Final = -2
"""The answer brought a cookie that begins another session."""

BEGINNING: Final = frozenset({"begin", *ROTATING})
"""Operations whose answer may bring a new cookie of the session."""


class Life(msgspec.Struct):
    """One session, from its beginning to its end and beyond."""

    number: int
    operations: list[Operation] = []
    cookies: list[str] = []
    """The values, of which operations name the places. In no report."""

    def __repr__(self) -> str:
        return f"<Life {self.number}>"

    @property
    def owner(self) -> str:
        return f"user{self.number}"

    @property
    def ended(self) -> bool:
        return any(each.kind in ENDING and each.acknowledged for each in self.operations)


class Clock:
    """Counts what happens, and gives numbers to operations and lives."""

    def __init__(self) -> None:
        self.tick: Callable[[], int] = itertools.count(1).__next__
        self.number: Callable[[], int] = itertools.count(1).__next__
        self.now = time.monotonic
