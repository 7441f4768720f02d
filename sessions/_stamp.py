"""The end of a record's payload: by which rules its expiry was computed, and from which moment on.

When an operator shortens a timeout, a record says itself what is left of it by the new rules. One comparison
of bytes tells that the rules are still the same.

54 decimal digits: microseconds since the epoch of the last activity that the expiry allows for, and of the
login (zeros without one); then milliseconds of the idle timeout and of the absolute timeout (zeros for none).
"""

from __future__ import annotations

from typing import Final

from sessions._lifetime import Lifetime

_MOMENT: Final = 16
_RULES: Final = 22
LENGTH: Final = 2 * _MOMENT + _RULES

NONE: Final = b"0" * LENGTH
"""The stamp of a record that nobody has stamped."""


def rules_of(lifetime: Lifetime) -> bytes:
    """How the stamp of a record ends whose expiry was computed by these timeouts."""
    return b"%011d%011d" % (round((lifetime.idle or 0) * 1000), round((lifetime.absolute or 0) * 1000))


def stamp_of(payload: bytes) -> bytes:
    """The stamp; zeros if there is none."""
    found = payload[-LENGTH:]
    return found if len(found) == LENGTH and found.isdigit() else NONE


def stamped(last_activity: float, logged_in_at: float, lifetime: Lifetime) -> bytes:
    """A stamp. The moments are seconds since the epoch; 0 for no login."""
    return b"%016d%016d%b" % (round(last_activity * 1e6), round(logged_in_at * 1e6), rules_of(lifetime))


def with_login(stamp: bytes, logged_in_at: float) -> bytes:
    """The stamp with another moment of the login."""
    return b"%b%016d%b" % (stamp[:_MOMENT], round(logged_in_at * 1e6), stamp[-_RULES:])


def last_activity(payload: bytes) -> float:
    """Seconds since the epoch; 0 if the record does not say."""
    return int(stamp_of(payload)[:_MOMENT]) / 1e6


def logged_in_at(payload: bytes) -> float:
    """Seconds since the epoch; 0 without a login."""
    return int(stamp_of(payload)[_MOMENT : 2 * _MOMENT]) / 1e6
