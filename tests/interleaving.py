"""Two threads of one process, step by step: at each instruction of the one, the other comes in.

A thread gives way between two instructions of Python, wherever the interpreter likes. A test that starts
threads and hopes hits a narrow gap once in a million runs. Here a tracer counts the instructions of the
library and lets the other thread come in at a chosen one. So each gap is hit, and the test ends when there is
none left.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

import sessions
from sessions import _adopt, _session, _work

LIBRARY: Final = Path(sessions.__file__).parent
SHARED: Final = frozenset(str(LIBRARY / f"{name}.py") for name in ("_session", "_work", "_changes", "_adopt"))
"""The files whose code deals with what threads share."""
LIMIT: Final = 30
"""Seconds after which a thread that does not end is a failure."""


class Intruder:
    """Another thread: it does its work once, when the first one comes to an instruction of the library."""

    def __init__(self, step: int, work: Callable[[], Any]) -> None:
        """`step`: how many the library's instructions the first thread does before."""
        self._left = step
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stopped = threading.Event()
        """Set when it has done its work, or waits for a lock that the first thread holds."""
        self._failure: BaseException | None = None
        self.came = False

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as failure:
            self._failure = failure
        finally:
            self._stopped.set()

    def _at(self, frame: FrameType, event: str, _: Any) -> Any:
        if self.came or frame.f_code.co_filename not in SHARED:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            if self._left == 0:
                self.came = True
                sys.settrace(None)
                self._thread.start()
                assert self._stopped.wait(LIMIT)
            self._left -= 1
        return self._at

    @contextmanager
    def inside(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """While this lasts it may come in. Raises what its work raises."""
        before = sys.gettrace()
        with monkeypatch.context() as patch:
            lock = _Lock(self._stopped)
            for module in (_adopt, _session, _work):
                patch.setattr(module, "one_at_a_time", lock)
            sys.settrace(self._at)
            try:
                yield
            finally:
                sys.settrace(before)
                if self.came:
                    self._thread.join(LIMIT)
                    assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure


class _Lock:
    """The library's lock, which also says when a thread begins to wait for it."""

    def __init__(self, waiting: threading.Event) -> None:
        self._lock = threading.Lock()
        self._waiting = waiting

    def acquire(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._waiting.set()
            assert self._lock.acquire(timeout=LIMIT)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
