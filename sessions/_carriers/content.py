"""The cookie carries the session itself, sealed; the server keeps nothing.

The sealed content is the record of hono-sessions' cookie store, a JSON text inside a JSON string, so
that apps in either language which share a key share a session:

    {"_data": {key: {"value": …, "flash": false}}, "_expire": ISO 8601 or null, "_delete": false,
     "_accessed": ISO 8601 or null, "_created": ISO 8601, "_owner": text or null}

The last two are ours: the absolute timeout needs the one, `session.owner` the other. What a client can
hold, it can also hold on to: rotation and logout change nothing about a copy of the cookie, and parallel
responses overwrite each other.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from math import isinf
from typing import Any, Final

import msgspec

from sessions._carriers.base import Carried, Loaded
from sessions._hidden import Hidden
from sessions._json import encode
from sessions._keys import KeyRing
from sessions._lifetime import Lifetime
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


_text: Final = msgspec.json.Decoder(str)
_kept: Final = msgspec.json.Decoder(_HonoRecord)


class ContentCarrier:
    on_server = False
    max_content = sys.maxsize  # the cookies that it makes have a limit

    def __init__(self, lifetime: Lifetime, keys: KeyRing, max_bytes: int) -> None:
        self.lifetime = lifetime
        self.enough = lifetime.needs_no_extension_at_all
        self.max_sessions: int | None = None
        self.max_bytes = max_bytes
        self._keys = keys

    async def find(self, cookie: str) -> Carried | None:
        try:
            text = _text.decode(self._keys.unseal(cookie))
            if not text:  # what hono-sessions leaves after a logout
                return None
            kept = _kept.decode(text)
            accessed_at = _seconds(kept.accessed)
            created_at = _seconds(kept.created) if kept.created else accessed_at
            expires_at = _seconds(kept.expire)
            line = encode(_content(kept))
        except InvalidSeal as fault:
            raise InvalidCookie(str(fault)) from None
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
            raise InvalidCookie("it holds no session") from None
        now = time.time()
        lifetime = self.lifetime.for_owner(kept.owner)
        created_at = now if created_at is None else created_at
        if expires_at is None:  # from before there was an idle timeout, or from an app that has none
            expires_at = lifetime.first(now if accessed_at is None else accessed_at)
        # A Hono app extends a session without a thought of our absolute timeout.
        expires_at = lifetime.capped(created_at, expires_at)
        if accessed_at is not None and lifetime.idle is not None:  # it may have been longer at that time
            expires_at = min(expires_at, accessed_at + lifetime.idle + lifetime.refresh_interval)
        if kept.delete or expires_at <= now:
            return None
        return Carried(Record(line, created_at, expires_at))

    async def find_again(self, carried: Carried) -> Loaded | None:
        if carried.record.expires_at <= time.time():
            return None
        return carried, unpack(carried.line)

    async def follow(self, tombstone: Loaded) -> tuple[Loaded, set[str]]:
        return tombstone, set()

    async def create(self, record: Record, seed: bytes) -> Carried:
        return Carried(record)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        return True

    async def rotate(
        self, carried: Carried, changed: Carried, commit_id: bytes, written: list[str], seed: bytes
    ) -> Carried:
        return changed

    async def end(self, carried: Carried) -> None:
        pass

    async def end_oldest(self, owner: str) -> None:
        pass

    def cookie(self, carried: Carried) -> str:
        record = carried.record
        content = unpack(carried.line)
        kept = _HonoRecord(
            {key: _Value(value, key in content.flash) for key, value in content.data.items()},
            expire=_iso(record.expires_at),
            accessed=_iso(time.time()),
            created=_iso(record.created_at),
            owner=content.owner,
        )
        return self._keys.sealer.seal(encode(encode(kept).decode()))

    def must_tell(self, known: Carried, carried: Carried) -> bool:
        return carried is not known  # also one that was begun after the known one was ended

    async def purge(self) -> int:
        return 0

    async def close(self) -> None:
        pass


def _content(kept: _HonoRecord) -> Content:
    values = kept.data
    return Content(
        data={key: item.value for key, item in values.items()},
        flash=tuple(key for key, item in values.items() if item.flash),
        owner=kept.owner,
    )


def _seconds(text: str | None) -> float | None:
    """Raises `ValueError` for what is not a date with a time zone."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.timestamp()


def _iso(moment: float) -> str | None:
    """To the millisecond, as JavaScript's `toISOString` writes it; None for never."""
    if isinf(moment):
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
