"""Failed logins, counted where the visitor cannot undo it.

A count in the session would stop nobody: who deletes the cookie, or sends an old one to the cookie store,
begins again. The count that the login page shows is such a one, for information only.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Final

LIMIT: Final = 10
"""Failures in a row after which an account takes no password for a while."""
PAUSE: Final = 15 * 60.0
"""Seconds from the last failure."""
MOST_ACCOUNTS: Final = 10_000
"""What is remembered at most; beyond it the oldest are forgotten."""


class Attempts:
    """By account, in this process: an app with several counts in its database.

    An account that is closed to guesses is closed to its user as well. So an app also counts by address, and
    lets in a browser from which the user has signed in before (OWASP ASVS 5, 6.3.1).
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def is_closed(self, account: str) -> bool:
        failures, last = self._failures.get(account, (0, 0.0))
        return failures >= LIMIT and time.monotonic() < last + PAUSE

    def failed(self, account: str) -> None:
        failures, _ = self._failures.pop(account, (0, 0.0))
        self._failures[account] = failures + 1, time.monotonic()
        if len(self._failures) > MOST_ACCOUNTS:
            self._failures.popitem(last=False)

    def succeeded(self, account: str) -> None:
        self._failures.pop(account, None)
