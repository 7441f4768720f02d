"""A session by its key, through every change of id: a rotation leaves a tombstone that names the next key."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Protocol

from sessions._record import Record, former_key, moved_to
from sessions.errors import WriteConflict

MAX_STEPS: Final = 1000
"""Steps after a session that is given new ids faster than it can be ended, before that is an error."""


class RecordStore(Protocol):
    """What a carrier needs of a store; `sessions.Store` has it."""

    @property
    def max_bytes(self) -> int: ...

    async def create(self, key: str, record: Record) -> bool: ...

    async def load(self, key: str) -> Record | None: ...

    async def replace(self, key: str, record: Record, *, expected: int) -> bool: ...

    async def delete(self, key: str) -> None: ...

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]: ...

    async def purge(self) -> int: ...

    async def close(self) -> None: ...


def _ended(version: int) -> Record:
    """A record that counts as absent. To replace by it is to delete, if nobody wrote in between."""
    return Record(b"", 0.0, 0.0, version + 1)


async def end(
    store: RecordStore,
    key: str,
    record: Record | None = None,
    *,
    owner: str | None = None,
    spared: Collection[str] = (),
    max_steps: int = MAX_STEPS,
) -> bool:
    """End the session under this key and whatever follows it; whether there was a living one.

    A plain delete could hit the tombstone that a rotation has just left, and miss the session itself. So
    the living record is replaced by an expired one, if it is still the version that was seen.

    Args:
        record: what is under the key, if the caller has it.
        owner: end it only if it belongs to this one.
        spared: keys of a session that lives on, also if it is given a new id at this moment.

    Raises `WriteConflict` when the session was given new ids faster than it could be followed.
    """
    passed: list[str] = []
    seen = False
    given = record
    for _ in range(max_steps):
        record = record or await store.load(key)
        if key in spared or (record is not None and former_key(record.payload) in spared):
            return False
        if record is None:
            ended = seen  # perhaps by this very call, if the store's client lost the answer and sent it twice
        elif (moved := moved_to(record.payload)) is not None:
            passed.append(key)
            key, record = moved.key, None
            continue
        elif owner is not None and record.owner != owner:
            return False
        elif await store.replace(key, _ended(record.version), expected=record.version):
            passed.append(key)
            ended = True
        else:
            # What the caller has may be old: the session may have been over before.
            seen = seen or record is not given
            record = None
            continue
        # Only now: as long as the session lived, its tombstones led to it.
        for done in passed:
            await store.delete(done)
        return ended
    raise WriteConflict("a session was given new ids faster than it could be ended")


async def follow_on(store: RecordStore, keys: list[str]) -> None:
    """Add the keys that have followed the last one by now."""
    for _ in range(MAX_STEPS):
        record = await store.load(keys[-1])
        moved = None if record is None else moved_to(record.payload)
        if moved is None:
            return
        keys.append(moved.key)
