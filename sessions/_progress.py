"""What a person sees on the terminal while a command works."""

from __future__ import annotations

import time
from typing import Final, TextIO

import anyio

INTERVAL: Final = 0.5
"""Seconds between two looks at how far the work has come."""


class Progress:
    """One line, which is written over and over. Nothing at all where there is no terminal."""

    def __init__(self, stream: TextIO, work: str) -> None:
        self._stream = stream
        self._work = work
        self._began = time.monotonic()
        self._shown = False
        self.done: int | None = None
        """How many sessions were gone through, for work that can tell."""

    async def show(self) -> None:
        """Until it is cancelled."""
        if self._stream.isatty():
            while True:
                await anyio.sleep(INTERVAL)
                self.draw()

    def draw(self) -> None:
        far = "" if self.done is None else f" {self.done} sessions,"
        self._stream.write(f"\r{self._work}:{far} {time.monotonic() - self._began:.0f} s\033[K")
        self._stream.flush()
        self._shown = True

    def clear(self) -> None:
        """Make room for a line of the command's own."""
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()
            self._shown = False
