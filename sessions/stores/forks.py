"""What must not be carried into a forked process is put away before the fork: a server may load the app and
then fork its workers (gunicorn with `--preload`)."""

from __future__ import annotations

import os
from threading import Lock
from typing import Final, Protocol
from weakref import WeakSet


class HearsOfForks(Protocol):
    def before_fork(self) -> None:
        """Put away what a child must not have. Nobody may use it until `after_fork`."""
        ...

    def after_fork(self, *, in_child: bool) -> None: ...


_all: Final[WeakSet[HearsOfForks]] = WeakSet()
_told: Final[list[HearsOfForks]] = []
_one_at_a_time: Final = Lock()


def tell_of_forks(each: HearsOfForks) -> None:
    """For as long as somebody else holds it."""
    _all.add(each)


def _before() -> None:
    _one_at_a_time.acquire()
    _told.extend(_all)
    for each in _told:
        each.before_fork()


def _after(*, in_child: bool) -> None:
    for each in _told:
        each.after_fork(in_child=in_child)
    _told.clear()
    _one_at_a_time.release()


os.register_at_fork(
    before=_before,
    after_in_parent=lambda: _after(in_child=False),
    after_in_child=lambda: _after(in_child=True),
)
