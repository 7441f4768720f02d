"""What a store keeps of a session, and what the session's content looks like when it is unpacked."""

from __future__ import annotations

from typing import Any, Final

import msgspec


class Record(msgspec.Struct, frozen=True):
    """What a store keeps under a session's key. To the store the payload is just bytes.

    `version` is 1 when the record is created, and one more after each replacement; a store compares it
    and never looks at the payload. Times are seconds since the epoch (UTC).
    """

    payload: bytes
    created_at: float
    expires_at: float
    version: int = 1

    @property
    def is_tombstone(self) -> bool:
        """Whether this is what a rotation leaves under the old key for a short while."""
        return not self.payload


class Content(msgspec.Struct):
    """A session's values, and which of them are flash values (gone once read)."""

    data: dict[str, Any] = {}
    flash: set[str] = set()

    def put(self, key: str, value: Any, *, flash: bool = False) -> None:
        self.data[key] = value
        if flash:
            self.flash.add(key)
        else:
            self.flash.discard(key)

    def forget(self, key: str) -> None:
        self.data.pop(key, None)
        self.flash.discard(key)


_decoder: Final = msgspec.json.Decoder(Content)


def unpack(payload: bytes) -> Content:
    """Raises `msgspec.DecodeError` for bytes that `jsonvalues.encode(content)` did not write."""
    return _decoder.decode(payload)
