"""Numbers that the run sets and the workers read: how wrong a clock is, how many answers get lost.

They are in a file that all map into their memory, so that to read one costs next to nothing.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from struct import Struct
from typing import Final

WORKERS: Final = 2

_number: Final = Struct("d")


class Dials:
    """Opens the file, and makes it if there is none."""

    def __init__(self, path: Path) -> None:
        size = _number.size * (WORKERS + 1)
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), size)

    def clock(self, worker: int) -> float:
        """Seconds by which this worker's clock is fast."""
        return self._read(worker)

    def set_clock(self, worker: int, seconds: float) -> None:
        self._write(worker, seconds)

    @property
    def loss(self) -> float:
        """The share of the store's answers that get lost between the store and the worker."""
        return self._read(WORKERS)

    @loss.setter
    def loss(self, share: float) -> None:
        self._write(WORKERS, share)

    def _read(self, place: int) -> float:
        number: float = _number.unpack_from(self._memory, place * _number.size)[0]
        return number

    def _write(self, place: int, number: float) -> None:
        _number.pack_into(self._memory, place * _number.size, number)
