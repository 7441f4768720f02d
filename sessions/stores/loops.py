"""Connections belong to the event loop that opened them; a store may serve several loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """One thing, such as a pool of connections, for each asyncio event loop, made on first use there.

    A process has several loops when tests open one each, or when a server starts threads with a loop each.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """Raises `RuntimeError` where no asyncio loop runs: outside of async code, and under trio."""
        loop = _running_loop()
        if loop not in self._made:
            for other in [other for other in self._made if other.is_closed()]:
                del self._made[other]  # it ended without a close(); nothing can be awaited there any more
            self._made[loop] = self._make()
        return self._made[loop]

    def pop(self) -> T | None:
        """Take the running loop's one away, to close it; the next `get` makes a new one."""
        return self._made.pop(_running_loop(), None)


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("this store needs asyncio; SQLiteStore and MemoryStore also run on trio") from None
