"""What a store keeps of a session, and the content that is packed in it."""

from __future__ import annotations

import os
import re
import secrets
from datetime import datetime
from typing import Any, Final

import msgspec

from sessions._device import Device
from sessions._hidden import Hidden
from sessions._json import MAX_DEPTH
from sessions._lifetime import EPOCH, Timeouts, moment
from sessions._stamp import NONE


class Record(Hidden, msgspec.Struct, frozen=True, gc=False):
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

    def __repr__(self) -> str:
        return f"<Record, version {self.version}, {len(self.payload)} bytes>"


MAX_OWNER: Final = 10_000
"""Characters of an owner. Each database can keep so many and find records by them (MariaDB: 65,535 bytes)."""


def owner_text(owner: object) -> str:
    """An owner as a record has it; a number becomes text.

    Raises `TypeError` for what is no text or whole number, None too, and for text that is no Unicode;
    `ValueError` for a NUL character, which PostgreSQL does not keep, and for more than `MAX_OWNER`
    characters. No message shows it.
    """
    if isinstance(owner, str):
        text = str.__str__(owner)  # `str()` of an enum's member is not its value
    elif isinstance(owner, int) and not isinstance(owner, bool):
        text = _digits(owner)
    else:
        raise TypeError(f"an owner is a string or a number, not {type(owner).__name__}")
    if len(text) > MAX_OWNER:
        raise ValueError(f"an owner has at most {MAX_OWNER:,} characters")
    if "\0" in text:
        raise ValueError("an owner has no NUL character: not every database can keep it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise TypeError("an owner is text that is valid Unicode") from None
    return text


def _digits(number: int) -> str:
    try:
        return str(int(number))  # of an enum's member, likewise
    except ValueError:
        raise ValueError("an owner that is a number has at most 4,300 digits") from None


class Moved(Hidden, msgspec.Struct, frozen=True, gc=False):
    """What a rotation leaves under the old key: where the session is now.

    `key` is the new record's key. `seed` makes the new id out of the old one; neither is enough alone, so
    that who reads the store learns no id. `written` are the keys that the rotating request wrote: what
    was in flight beside it counts as done before it, and does not overwrite them.
    """

    key: str
    seed: bytes
    written: list[str] = []


class Content(Hidden, msgspec.Struct, omit_defaults=True, gc=False):
    """A session's values, and which of them are flash values (gone once read).

    With `moved` it is a tombstone: the session has another key by now, and the values are those that
    requests with the old id have set since.
    """

    # In this order, so that the text's first letters tell what is unusual about it (`PLAIN`).
    moved: Moved | None = None
    timeouts: Timeouts | None = None
    """The session's own, if it has not those of the middleware."""
    device: Device | None = None
    """What the session is bound to, or its browser was invited to bind it to."""
    flash: tuple[str, ...] = ()
    # Made by a function, so that an empty one is not left out: the same content has always the same text.
    data: dict[str, Any] = msgspec.field(default_factory=lambda: {})
    owner: str | None = None
    authenticated_at: float | None = None
    """When the owner, or whoever a login key names, proved last who they are; seconds since the epoch."""


class Plain(Hidden, msgspec.Struct, omit_defaults=True, gc=False):
    """The content of a session with nothing unusual. Its text is the same; it is made faster."""

    flash: tuple[str, ...] = ()
    data: dict[str, Any] = msgspec.field(default_factory=lambda: {})
    owner: str | None = None
    authenticated_at: float | None = None


class Binds(Hidden, msgspec.Struct, gc=False):
    """What a content says of a device, or of where the session is now."""

    moved: Moved | None = None
    device: Device | None = None


class InvalidRecord(ValueError):
    """A payload that this version of the library did not write."""


# A payload is the content as one line of JSON, a line break, and the trail: the ids of the last commits, the
# newest first, a semicolon, the key that the session had before its last rotation, and the stamp
# (`_stamp.py`). JSON text has no line breaks of its own. Who only reads need not decode the trail, and who
# writes only puts an id before it.

COMMIT_ID_LENGTH: Final = 12
"""Hexadecimal digits: 48 bits, enough to tell apart the few commits that one record remembers."""

REMEMBERED_COMMITS: Final = 32
"""So many commits, and at times twice as many, may follow one whose answer was lost before its retry can no
longer tell whether it was done."""

PLAIN: Final = b'{"data"'
"""How a line begins that is no tombstone's, and has no flash values, no device and no timeouts of its own."""

TIMED: Final = b'{"timeouts"'
"""How a line begins of a session that has timeouts of its own."""

EMPTY: Final = b'{"data":{}}'
"""The line of a session without values."""

_KEY_LENGTH: Final = 64
_NO_TRAIL: Final = b";" + NONE
_LONGEST_TRAIL: Final = (2 * REMEMBERED_COMMITS - 1) * COMMIT_ID_LENGTH + len(_NO_TRAIL)

decode_content: Final = msgspec.json.Decoder(Content).decode
UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What it raises."""

_LEVELS: Final = MAX_DEPTH + 3
"""Of a line: a value's own, with those of an innermost empty one, and those of the data and the line."""

SHALLOW: Final = 2 * _LEVELS
"""Bytes in which there is no room for more levels."""

_AS_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"')


def is_too_deep(line: bytes) -> bool:
    """Whether values are nested deeper than one may be set. They could be read here, and not be written from
    a deeper call stack."""
    return _has_more_levels(line) and _has_more_levels(_STRINGS.sub(b"", line))


def _has_more_levels(text: bytes) -> bool:
    brackets = text.translate(_AS_BRACKETS, _NO_BRACKETS)
    for _ in range(_LEVELS):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # one level of each nest
    return bool(brackets)


def split(payload: bytes) -> tuple[bytes, bytes]:
    """The content's JSON text, by which two records are compared, and the trail."""
    line, _, trail = payload.partition(b"\n")
    return line, trail


def unpack(line: bytes) -> Content:
    """Raises `InvalidRecord`."""
    try:
        return decode_content(line)
    except UNREADABLE:
        raise InvalidRecord("the record cannot be read") from None


def own_timeouts(payload: bytes) -> Timeouts | None:
    """The session's own, if it has not those of the middleware."""
    if not payload.startswith(TIMED):
        return None
    try:
        return unpack(split(payload)[0]).timeouts
    except InvalidRecord:
        return None


_decode_binds: Final = msgspec.json.Decoder(Binds).decode


def binds(payload: bytes) -> Binds:
    """What the payload says of a device, without the values. It says nothing if it cannot be read."""
    if payload.startswith(PLAIN):
        return Binds()
    try:
        return _decode_binds(split(payload)[0])
    except UNREADABLE:
        return Binds()


def is_device_bound(payload: bytes) -> bool:
    device = binds(payload).device
    return device is not None and device.is_bound


def moved_to(payload: bytes) -> Moved | None:
    """Where the session is now, if this is a tombstone's payload."""
    if not payload.startswith(b'{"moved"'):
        return None
    try:
        return unpack(split(payload)[0]).moved
    except InvalidRecord:
        return None


_new_ids: Final[list[bytes]] = []
# A forked process must not go on with the ids of its parent.
os.register_at_fork(after_in_child=_new_ids.clear)


def new_commit_id() -> bytes:
    """Random digits: many are drawn at once, as each writing request needs one."""
    try:
        return _new_ids.pop()
    except IndexError:
        digits = secrets.token_hex(256 * COMMIT_ID_LENGTH // 2).encode()
        _new_ids.extend(
            digits[start : start + COMMIT_ID_LENGTH] for start in range(0, len(digits), COMMIT_ID_LENGTH)
        )
        return new_commit_id()


def rewritten(payload: bytes, line: bytes, commit_id: bytes) -> bytes:
    """The payload that this commit makes of it: with another line, and the same stamp."""
    trail = payload.partition(b"\n")[2]
    if not len(_NO_TRAIL) <= len(trail) <= _LONGEST_TRAIL:
        trail = _shortened(trail)
    return b"".join((line, b"\n", commit_id, trail))


def _shortened(trail: bytes) -> bytes:
    """Without the commits that it need not remember any more. A cookie's record has no trail at all."""
    ids, _, former_key_and_stamp = trail.partition(b";")
    if len(former_key_and_stamp) < len(NONE):
        return _NO_TRAIL
    return b"%b;%b" % (
        ids[: COMMIT_ID_LENGTH * (REMEMBERED_COMMITS - 1)],
        former_key_and_stamp[-_KEY_LENGTH - len(NONE) :],
    )


def with_stamp(payload: bytes, stamp: bytes) -> bytes:
    """The payload, which has a trail, with another stamp."""
    return payload[: -len(NONE)] + stamp


def with_former_key(payload: bytes, key: str) -> bytes:
    """The payload of a record that follows the one under this key."""
    line, trail = split(payload)
    return b"%b\n%b;%b%b" % (line, trail.partition(b";")[0], key.encode(), trail[-len(NONE) :])


def former_key(payload: bytes) -> str:
    """The key that the session had before its last rotation; empty if there was none."""
    return split(payload)[1].partition(b";")[2][: -len(NONE)].decode("ascii", "replace")


def last_commit(trail: bytes) -> bytes:
    """The id of the commit that made a record with this trail; empty if the trail has none."""
    return trail.partition(b";")[0][:COMMIT_ID_LENGTH]


def has_commit(trail: bytes, commit_id: bytes) -> bool:
    """Whether the commit is among the last ones that made a record with this trail."""
    return commit_id in trail.partition(b";")[0]


class OwnedSession:
    """One of a user's sessions, as `Store.sessions_of` lists it.

    `key` names it in a form or a link, and `Store.destroy(key)` ends it; it is a hash that opens nothing.
    """

    def __init__(self, key: str, record: Record) -> None:
        self.key = key
        self.created_at: datetime = moment(record.created_at) or EPOCH
        self.expires_at = moment(record.expires_at)
        self._record = record

    @property
    def authenticated_at(self) -> datetime | None:
        """When its user proved last who they are (UTC)."""
        at = self._content().authenticated_at
        return None if at is None else moment(at)

    @property
    def is_device_bound(self) -> bool:
        """Whether the session has a device's public key: its cookie alone opens it no more."""
        return is_device_bound(self._record.payload)

    @property
    def data(self) -> dict[str, Any]:
        """The session's values, flash values left out. None of a record that cannot be read."""
        content = self._content()
        return {key: value for key, value in content.data.items() if key not in content.flash}

    def _content(self) -> Content:
        try:
            return unpack(split(self._record.payload)[0])
        except InvalidRecord:
            return Content()
