"""When a session ends: after a while without a request (idle timeout), or at an age (absolute timeout).

OWASP ASVS 5, 7.3.1 and 7.3.2, asks for both. Everything here is arithmetic on seconds since the epoch;
never is infinity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import ceil, inf, isinf
from typing import Annotated, Final

from msgspec import Meta

Duration = float | timedelta
"""Seconds, or a `timedelta`."""

MAX_AGE_LIMIT: Final = 400 * 24 * 60 * 60
"""Seconds. Browsers cap a cookie's age at 400 days (RFC 6265bis, section 5.5)."""

LATEST: Final = 253_402_300_799
"""Seconds since the epoch: the last moment of the year 9999, beyond which Python has no dates."""

EPOCH: Final = datetime.fromtimestamp(0, UTC)

RETENTION: Final = 14 * 24 * 60 * 60
"""Seconds that a session without any timeout lives after its last activity: nobody is told when a browser
that holds a browser-session cookie closes for good."""

RETENTION_INTERVAL: Final = 24 * 60 * 60.0
"""Seconds. How often such a session is extended."""


PAUSE: Final = 60.0
"""Seconds between two extensions, if nobody says otherwise and the timeout is not a short one."""

Seconds = Annotated[float, Meta(gt=0, le=MAX_AGE_LIMIT)]

Timeouts = tuple[Seconds | None, Seconds | None]
"""The idle and the absolute timeout of one session alone. With neither it ends with the browser."""


def timeouts(expire_after: Duration | None, absolute_timeout: Duration | None) -> Timeouts:
    """Raises `ValueError` for a duration that is not positive or over 400 days, and `TypeError` for none."""
    return seconds("expire_after", expire_after), seconds("absolute_timeout", absolute_timeout)


def moment(seconds: float) -> datetime | None:
    """The date in UTC; None for never, and for what no date can be."""
    return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds <= LATEST else None


def seconds(name: str, value: Duration | None) -> float | None:
    """Raises `ValueError` for a duration that is not positive, not a number, or over 400 days."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        raise TypeError(f"{name} is a number of seconds or a timedelta, not {type(value).__name__}")
    number = value.total_seconds() if isinstance(value, timedelta) else value  # an int of any length
    if not 0 < number <= MAX_AGE_LIMIT:
        raise ValueError(f"{name} must be more than 0 s and at most 400 days, browsers' limit for a cookie")
    return float(number)


_BOUND_TO_BROWSER: Final = (RETENTION, None, True, RETENTION_INTERVAL, False)
"""The rules of a session without any timeout, as `Lifetime` has them."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The rules of expiry of one middleware.

    An extension is not written on each request but once in `refresh_interval`. So that a session never
    ends *earlier* than `idle` after its last request, an extension is written that much longer: the
    requests of the next interval are paid for in advance. A session's first expiry is exact.
    """

    idle: float | None = None
    absolute: float | None = None
    extend: bool = True
    refresh_interval: float = 0.0
    told: bool = True
    """Whether the browser is told (Max-Age); not where the expiry is only the retention."""
    anonymous: Lifetime | None = None
    """The rules for sessions without an owner, if they are others."""
    slack: float = field(init=False)
    """Seconds by which an extension has to move the expiry to be worth it.

    A second is the finest that a cookie can tell; short timeouts are kept more finely on the server.
    """
    needs_no_extension: float = field(init=False)
    """A session with more seconds left than this needs no extension."""

    def __post_init__(self) -> None:
        slack = min(1.0, (self.idle or 0) / 20)
        object.__setattr__(self, "slack", slack)
        object.__setattr__(
            self, "needs_no_extension", self.idle - slack if self.extend and self.idle else 0.0
        )

    @classmethod
    def of(
        cls,
        expire_after: Duration | None,
        absolute_timeout: Duration | None,
        auto_extend_expiration: bool,
        refresh_interval: Duration | None,
        anonymous_expire_after: Duration | None = None,
    ) -> Lifetime:
        idle = seconds("expire_after", expire_after)
        absolute = seconds("absolute_timeout", absolute_timeout)
        if refresh_interval is None:
            # Whole seconds, because that is the grain of Max-Age. Below 20 s that is 0: each request extends.
            interval = min(PAUSE, idle // 20) if idle else 0.0
        elif refresh_interval in (0, timedelta(0)):
            interval = 0.0
        else:
            interval = seconds("refresh_interval", refresh_interval) or 0.0
            if idle is None or interval >= idle:
                raise ValueError("refresh_interval must be shorter than expire_after")
        if idle or absolute:
            rules = (idle, absolute, auto_extend_expiration, interval, True)
        else:
            rules = _BOUND_TO_BROWSER
        shorter = seconds("anonymous_expire_after", anonymous_expire_after)
        if shorter is None:
            return cls(*rules)
        if shorter >= (idle or absolute or RETENTION):
            raise ValueError(
                "anonymous_expire_after must be shorter than expire_after, or than the two weeks that a"
                " session without timeouts is kept"
            )
        pause = min(interval or PAUSE, shorter // 20)
        anonymous = cls(shorter, absolute, auto_extend_expiration, pause, rules[-1])
        return cls(*rules, anonymous)

    @property
    def both(self) -> tuple[Lifetime, ...]:
        """The rules for sessions with an owner, and those for sessions without one if they are others."""
        return (self,) if self.anonymous is None else (self, self.anonymous)

    @property
    def needs_no_extension_at_all(self) -> float:
        """A session with more seconds left than this needs no extension, with an owner or without."""
        return max(each.needs_no_extension for each in self.both)

    def of_session(self, owner: str | None, own: Timeouts | None) -> Lifetime:
        """The rules for a session of this owner, which may have timeouts of its own."""
        if own is not None:
            return _own_lifetime(self, own)
        return self.anonymous if owner is None and self.anonymous is not None else self

    def first(self, now: float) -> float:
        """When a session that is born now ends."""
        return self.from_now(now, now)

    def from_now(self, created_at: float, now: float) -> float:
        """When it ends if these rules begin to be its own now."""
        return self.capped(created_at, now + self.idle if self.idle else inf)

    def renewed(self, created_at: float, expires_at: float, now: float) -> float:
        """When it ends if it is extended to the full idle timeout from now (never sooner than before)."""
        if self.idle is None:
            return expires_at
        return self.capped(created_at, max(expires_at, now + self.idle))

    def after_activity(self, created_at: float, expires_at: float, now: float) -> float:
        """When it ends after a request now; `expires_at` itself when nothing needs to be written."""
        if not self.extend or self.idle is None or expires_at - now > self.needs_no_extension:
            return expires_at
        renewed = self.capped(created_at, now + min(self.idle + self.refresh_interval, MAX_AGE_LIMIT))
        return expires_at if renewed - expires_at < self.slack else renewed

    def max_age(self, expires_at: float, now: float) -> int | None:
        """Whole seconds for the cookie's Max-Age; None makes a browser-session cookie."""
        if isinf(expires_at) or not self.told:
            return None
        return max(0, ceil(expires_at - now - 0.001))

    def capped(self, created_at: float, expires_at: float) -> float:
        """When it ends if nothing but the absolute timeout is against `expires_at`."""
        return expires_at if self.absolute is None else min(expires_at, created_at + self.absolute)


@lru_cache(maxsize=128)
def _own_lifetime(usual: Lifetime, own: Timeouts) -> Lifetime:
    """The rules for a session with timeouts of its own. Whether activity extends it is as usual."""
    idle, absolute = own
    if idle is None and absolute is None:
        return Lifetime(*_BOUND_TO_BROWSER)
    usual_pause = usual.refresh_interval if usual.told else PAUSE
    pause = min(usual_pause or PAUSE, idle // 20) if idle else 0.0
    return Lifetime(idle, absolute, usual.extend or not usual.told, pause, True)
