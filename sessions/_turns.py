"""Requests of this process that write to one session: after a failed compare-and-set they go one by one.

If all of them tried again at once, all but one would fail once more: four hundred writers would need eighty
thousand tries. In a queue each needs one more try, unless another process writes in between. Who has not
failed yet does not look at the queue.
"""

from __future__ import annotations

from random import random
from typing import Final

import anyio
from anyio.lowlevel import RunVar

PATIENCE: Final = 5.0
"""Seconds that a writer waits for its turn, before it goes on without; as long as a call may take."""


class _Queue:
    """Those who wait for one key. A semaphore lets them in by their order."""

    __slots__ = ("lock", "size")

    def __init__(self) -> None:
        self.lock = anyio.Semaphore(1)
        self.size = 0


_queues: RunVar[dict[str, _Queue]] = RunVar("sessions_queues")
"""Of each event loop, by the session's key; only as long as somebody waits."""


class Retry:
    """What one writer does between two tries. `end()` it when it has succeeded or given up."""

    __slots__ = ("_failures", "_has_turn", "_key", "_queue")

    def __init__(self) -> None:
        self._queue: _Queue | None = None
        self._has_turn = False
        self._key = ""
        self._failures = 0

    async def wait(self, key: str) -> bool:
        """After a try that failed: for the turn at first, and then for others in other processes.

        Whether there was anybody to wait for.
        """
        self._failures += 1
        if self._queue is not None:
            await anyio.sleep(random() * min(0.0005 * 2**self._failures, 0.05))  # noqa: S311 (no secret)
            return True
        self._queue = _enter(key)
        self._key = key
        try:
            self._queue.lock.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(PATIENCE):
                await self._queue.lock.acquire()
                self._has_turn = True
            return True
        self._has_turn = True
        return False

    def end(self) -> None:
        if self._queue is None:
            return
        if self._has_turn:
            self._queue.lock.release()
        _leave(self._key, self._queue)
        self._queue, self._has_turn = None, False


def _enter(key: str) -> _Queue:
    try:
        queues = _queues.get()
    except LookupError:
        queues = {}
        _queues.set(queues)
    queue = queues.setdefault(key, _Queue())
    queue.size += 1
    return queue


def _leave(key: str, queue: _Queue) -> None:
    queue.size -= 1
    if not queue.size:
        del _queues.get()[key]
