"""The records that fill a store: what an ordinary session of a web app takes."""

from __future__ import annotations

import secrets
import time
from typing import Final

from sessions import Record

PAYLOAD: Final = 300
"""Bytes of one session: an email, a basket, a token against forged forms, and what the library adds."""

HOUR: Final = 3600.0


def new_key() -> str:
    return secrets.token_hex(32)


def living(version: int = 1, owner: str | None = None) -> Record:
    """A record of a session that lives for another hour. No two have the same payload."""
    return _record(time.time() + HOUR, version, owner)


def expired() -> Record:
    return _record(time.time() - 1)


def _record(expires_at: float, version: int = 1, owner: str | None = None) -> Record:
    return Record(secrets.token_bytes(PAYLOAD // 2).hex().encode(), time.time(), expires_at, version, owner)
