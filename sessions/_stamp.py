"""The end of a record's payload: by which rules its expiry was computed, and from which moment on.

When an operator shortens a timeout, a record says itself what is left of it by the new rules. One comparison
of bytes tells that the rules are still the same.

38 decimal digits: the last activity that the expiry allows for, in microseconds since the epoch; then the
idle timeout and the absolute timeout in milliseconds (zeros for none).
"""

from __future__ import annotations

from typing import Final

from sessions._lifetime import Lifetime

_MOMENT: Final = 16
LENGTH: Final = _MOMENT + 22

NONE: Final = b"0" * LENGTH
"""The stamp of a record that nobody has stamped."""


def rules_of(lifetime: Lifetime) -> bytes:
    """How the stamp of a record ends whose expiry was computed by these timeouts."""
    return b"%011d%011d" % (round((lifetime.idle or 0) * 1000), round((lifetime.absolute or 0) * 1000))


def stamped(last_activity: float, lifetime: Lifetime) -> bytes:
    """A stamp. The moment is in seconds since the epoch."""
    return b"%016d%b" % (round(last_activity * 1e6), rules_of(lifetime))


def last_activity(payload: bytes) -> float:
    """Seconds since the epoch; 0 if the record does not say."""
    stamp = payload[-LENGTH:]
    return int(stamp[:_MOMENT]) / 1e6 if len(stamp) == LENGTH and stamp.isdigit() else 0.0
