"""Gates hold a request in the middle of its work until it is let go, instead of sleeps that hope.

They are files in a folder, so that they work across worker processes. No gate ever touches a session.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import anyio
from starlette.exceptions import HTTPException

PATIENCE: Final = 30.0
"""Seconds after which a waiting request gives up with 504."""
POLL: Final = 0.01
"""Seconds between two looks at a gate."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


def checked(name: str) -> str:
    """A name becomes a file name. Raises a 400 `HTTPException` for one that could not be."""
    if not _NAME.fullmatch(name):
        raise HTTPException(400, "a gate or token is 1 to 80 letters, digits, - or _")
    return name


class Gates:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    async def wait(self, name: str) -> None:
        """Raises a 504 `HTTPException` when nobody opens the gate in `PATIENCE` seconds."""
        with self._waiting(checked(name)), anyio.move_on_after(PATIENCE):
            while not self.is_open(name):  # noqa: ASYNC110 (another process may open it)
                await anyio.sleep(POLL)
            return
        raise HTTPException(504, f"nobody opened the gate {name} in {PATIENCE:.0f} s")

    def open(self, name: str) -> None:
        (self._folder / f"{checked(name)}.open").touch()

    def is_open(self, name: str) -> bool:
        return (self._folder / f"{checked(name)}.open").exists()

    def waiting(self, name: str) -> int:
        """How many requests stand before the gate now, in all worker processes."""
        return sum(1 for _ in self._folder.glob(f"{checked(name)}.*.waiting"))

    def processes(self, name: str) -> int:
        """Of how many worker processes these requests are."""
        return len({mark.name.split(".")[1] for mark in self._folder.glob(f"{checked(name)}.*.waiting")})

    @contextmanager
    def _waiting(self, name: str) -> Iterator[None]:
        mark = self._folder / f"{name}.{os.getpid()}.{uuid4().hex}.waiting"
        mark.touch()
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)


class Outcomes:
    """How requests ended whose end the browser cannot see: a stream that broke, a background task."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, token: str, outcome: str) -> None:
        file = self._folder / f"{checked(token)}.outcome"
        draft = file.with_suffix(f".{uuid4().hex}")
        draft.write_text(outcome)
        draft.replace(file)

    def get(self, token: str) -> str | None:
        try:
            return (self._folder / f"{checked(token)}.outcome").read_text()
        except FileNotFoundError:
            return None
