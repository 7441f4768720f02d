"""What a store keeps of a session, and what the session's content looks like when it is unpacked."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isinf
from typing import Any, Final

import msgspec


class Record(msgspec.Struct, frozen=True, gc=False):
    """What a store keeps under a session's key. To the store the payload is just bytes.

    `version` is 1 when the record is created, and one more after each replacement; a store compares it
    and never looks at the payload. Times are seconds since the epoch (UTC). `owner` is whom the session
    belongs to once somebody has logged in; a store finds records by it.
    """

    payload: bytes
    created_at: float
    expires_at: float
    version: int = 1
    owner: str | None = None

    @property
    def is_tombstone(self) -> bool:
        """Whether this is what a rotation leaves under the old key for a short while."""
        return not self.payload


class Content(msgspec.Struct, omit_defaults=True, gc=False):
    """A session's values, and which of them are flash values (gone once read)."""

    data: dict[str, Any] = {}
    flash: set[str] = set()
    owner: str | None = None

    def put(self, key: str, value: Any, flash: bool = False) -> None:
        self.data[key] = value
        if flash:
            self.flash.add(key)
        elif self.flash:
            self.flash.discard(key)

    def forget(self, key: str) -> None:
        self.data.pop(key, None)
        self.flash.discard(key)


unpack: Final = msgspec.json.Decoder(Content).decode
"""Raises `msgspec.DecodeError` for bytes that `jsonvalues.encode(content)` did not write."""


class OwnedSession:
    """One of a user's sessions, as `Store.sessions_of` lists it.

    `key` names it in a form or a link, and `Store.delete(key)` ends it; it is a hash that opens nothing.
    """

    def __init__(self, key: str, record: Record) -> None:
        self.key = key
        self.created_at = datetime.fromtimestamp(record.created_at, UTC)
        self.expires_at = None if isinf(record.expires_at) else datetime.fromtimestamp(record.expires_at, UTC)
        self._record = record

    @property
    def data(self) -> dict[str, Any]:
        """The session's values, flash values left out."""
        content = unpack(self._record.payload)
        return {key: value for key, value in content.data.items() if key not in content.flash}
