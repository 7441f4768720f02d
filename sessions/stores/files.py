"""Files of our own, which only their owner may read."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock
from typing import Final

MODE: Final = 0o600
"""What a new database file may be: read and written by its owner. SQLite gives its -wal and -shm files the
same mode."""

# To close a file takes away all locks that this process has on it (POSIX, fcntl). So nobody may open the
# file with SQLite between its making and the closing here.
_one_at_a_time: Final = Lock()


def make_private(path: str | Path) -> None:
    """Make an empty file, unless there is one: that one keeps its mode, as somebody has chosen it.

    An error is left to whoever opens the file.
    """
    with _one_at_a_time:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
        except OSError:
            return
