"""Stores that keep each record in a file: a right one with a lock, and a wrong one without."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sessions import Record, Store


class LockedFiles(Store):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else is between a look and a write meanwhile."""
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def read(self, key: str) -> Record | None:
        try:
            record = msgspec.msgpack.decode((self.folder / f"{key}.record").read_bytes(), type=Record)
        except FileNotFoundError:
            return None
        return record if record.expires_at > time.time() else None

    def write(self, key: str, record: Record) -> None:
        """Nobody reads half of it."""
        file = self.folder / secrets.token_hex(8)
        file.write_bytes(msgspec.msgpack.encode(record))
        os.replace(file, self.folder / f"{key}.record")

    async def create(self, key: str, record: Record) -> bool:
        with self.lock():
            created = self.read(key) is None
            if created:
                self.write(key, record)
            return created

    async def load(self, key: str) -> Record | None:
        return self.read(key)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        with self.lock():
            current = self.read(key)
            replaced = current is not None and current.version == expected
            if replaced:
                self.write(key, record)
            return replaced

    async def delete(self, key: str) -> None:
        with self.lock():
            (self.folder / f"{key}.record").unlink(missing_ok=True)

    async def purge(self) -> int:
        with self.lock():
            expired = [file for file in self.folder.glob("*.record") if self.read(file.stem) is None]
            for file in expired:
                file.unlink()
            return len(expired)


class FilesWithoutALock(LockedFiles):
    """Each read and each write is whole, but another process may come in between. On one event loop nobody
    does, because there is no `await` in between either."""

    @contextmanager
    def lock(self) -> Iterator[None]:
        yield
