"""The cookie carries the session as hono-sessions' cookie store writes it, so that both share sessions.

The sealed content is that store's record, a JSON text inside a JSON string:

    {"_data": {key: {"value": …, "flash": false}}, "_expire": ISO 8601 or null, "_delete": false,
     "_accessed": ISO 8601 or null, "_created": ISO 8601, "_owner": text or null,
     "_authenticated": ISO 8601 or null, "_timeouts": [seconds or null, seconds or null] or null}

The last four are ours, for the absolute timeout, `session.owner`, `session.authenticated_at` and
`session.set_lifetime`. The format
has no room for the cookie's name or a realm: whatever is sealed with the same key and looks like this opens.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from sessions._carriers.base import Carried, SealedByOlderKey
from sessions._carriers.content import SealedCarrier
from sessions._hidden import Hidden
from sessions._json import MAX_DEPTH, checked, encode
from sessions._keys import KeyRing
from sessions._lifetime import LATEST, Lifetime, Timeouts
from sessions._record import Content, Record, unpack
from sessions.errors import InvalidCookie
from sessions.iron import InvalidSeal


class _Value(Hidden, msgspec.Struct):
    value: Any = None
    flash: bool = False


class _HonoRecord(Hidden, msgspec.Struct, omit_defaults=False):
    data: dict[str, _Value] = msgspec.field(name="_data")
    expire: str | None = msgspec.field(name="_expire", default=None)
    delete: bool = msgspec.field(name="_delete", default=False)
    accessed: str | None = msgspec.field(name="_accessed", default=None)
    created: str | None = msgspec.field(name="_created", default=None)
    owner: str | None = msgspec.field(name="_owner", default=None)
    authenticated: str | None = msgspec.field(name="_authenticated", default=None)
    timeouts: Timeouts | None = msgspec.field(name="_timeouts", default=None)


_text: Final = msgspec.json.Decoder(str)
_kept: Final = msgspec.json.Decoder(_HonoRecord)


class HonoCarrier(SealedCarrier):
    def __init__(self, lifetime: Lifetime, keys: KeyRing, cookie_name: str, max_bytes: int) -> None:
        super().__init__(lifetime, keys, "", cookie_name, max_bytes)

    async def find(self, cookie: str) -> Carried | None:
        try:
            plaintext, by_first_key = self._sealing.opened(cookie)
            text = _text.decode(plaintext)
            if not text:  # what hono-sessions leaves after a logout
                return None
            kept = _kept.decode(text)
            accessed_at = _seconds(kept.accessed)
            created_at = _seconds(kept.created) if kept.created else accessed_at
            expires_at = _seconds(kept.expire)
            line = _line(kept)
        except InvalidSeal as fault:
            raise InvalidCookie(str(fault)) from None
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
            raise InvalidCookie("it holds no session") from None
        lifetime, now = self.lifetime.of_session(kept.owner, kept.timeouts), time.time()
        created_at = now if created_at is None else created_at
        accessed_at = now if accessed_at is None else accessed_at
        if expires_at is None:  # from an app that has no idle timeout
            expires_at = min(lifetime.first(accessed_at), LATEST)
        # A Hono app extends a session without a thought of our timeouts.
        expires_at = self._end(lifetime, created_at, expires_at, accessed_at)
        if kept.delete or expires_at <= now:
            return None
        carried = Carried(Record(line, created_at, expires_at))
        if not by_first_key:
            raise SealedByOlderKey(carried)
        return carried

    def cookie(self, carried: Carried) -> str:
        record = carried.record
        content = unpack(carried.line)
        kept = _HonoRecord(
            {key: _Value(value, key in content.flash) for key, value in content.data.items()},
            expire=_iso(record.expires_at),
            accessed=_iso(time.time()),
            created=_iso(record.created_at),
            owner=content.owner,
            authenticated=None if content.authenticated_at is None else _iso(content.authenticated_at),
            timeouts=content.timeouts,
        )
        return self._sealing.seal(encode(encode(kept).decode()))


def _line(kept: _HonoRecord) -> bytes:
    """The content as our records have it.

    Raises `TypeError` for a value that a session cannot hold, and `ValueError` as `_seconds` does.
    """
    values = kept.data
    content = Content(
        data={key: item.value for key, item in values.items()},
        flash=tuple(key for key, item in values.items() if item.flash),
        owner=kept.owner,
        authenticated_at=_seconds(kept.authenticated),
        timeouts=kept.timeouts,
    )
    line = encode(content)
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH:  # perhaps one is nested too deep to be written again
        for key, value in content.data.items():
            checked(key, value)
    return line


def _seconds(text: str | None) -> float | None:
    """Raises `ValueError` for what is not a date with a time zone, or no time that a session has."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    seconds = moment.timestamp()
    if not 0 <= seconds <= LATEST:
        raise ValueError("a time that no session has")
    return seconds


def _iso(moment: float) -> str:
    """To the millisecond, as JavaScript's `toISOString` writes it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
