"""Texts that other libraries have written: they are bounded, they are JSON or msgpack, and never a pickle."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from sessions._json import MAX_DEPTH, accepted_key, checked
from sessions.moving._old_cookie import Convert, Refused

MAX_UNPACKED: Final = 1024 * 1024
"""Bytes that a compressed session may become. A cookie of 4 kB can hold 4 MB of zeros."""


def packed(text: str) -> bytes:
    """What this base64 for URLs holds, which begins with a point if it was compressed before: as Flask and
    Django write it. Raises `Refused`.
    """
    plain = text.removeprefix(".")
    try:
        data = b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Refused("it holds no base64") from None
    return unzipped(data) if text.startswith(".") else data


def unzipped(data: bytes) -> bytes:
    """What zlib has compressed. Raises `Refused` for what is no such thing, or becomes too large."""
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, MAX_UNPACKED)
    except zlib.error:
        raise Refused("it is not compressed as it says") from None
    if not stream.eof:
        raise Refused("it becomes too large, or its end is missing")
    return text


def json_in(text: bytes | str) -> Any:
    """What this JSON text holds. Raises `Refused`.

    As the standard library reads it, which wrote it: with NaN, and with halves of surrogate pairs. What a
    session cannot hold of that is left out later, value by value.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("it holds no JSON") from None


def carried_over(
    data: dict[Any, Any], convert: Convert | None, leave_out: Callable[[str], None]
) -> dict[str, Any]:
    """The values as a session of ours can hold them. `leave_out` is told each key of which it cannot."""
    carried: dict[str, Any] = {}
    for key, value in data.items():
        try:
            accepted_key(key).encode()
        except (TypeError, ValueError):
            leave_out(f"of type {type(key).__name__}")
            continue
        try:
            carried[key] = _accepted(key, value, convert)
        except (TypeError, ValueError, RecursionError):
            leave_out(repr(key))
    return carried


def _accepted(key: str, value: Any, convert: Convert | None) -> Any:
    try:
        checked(key, value)
    except TypeError:
        value = _plain(value, 0) if convert is None else convert(key, value)
        checked(key, value)
    return value


def _plain(value: Any, depth: int) -> Any:
    """The plain JSON form of a value. What has none stays as it is."""
    if depth > MAX_DEPTH:
        raise ValueError
    if isinstance(value, dict):
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value
