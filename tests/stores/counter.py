"""A worker process of the SQLite tests: counts a session up by requests, and says each acknowledged one.

python counter.py FILE COOKIE TIMES
"""

from __future__ import annotations

import sys
from functools import partial

import anyio

from sessions import Session, SQLiteStore
from sessions.testing.requests import Visitor

PADDING = 20_000
"""Characters that go with each number, so that half a record would be seen."""


async def count(session: Session) -> None:
    number = session.increment("count")
    session.update("text", partial(_padded, number))


def _padded(_: int, before: str | None) -> str:
    """As many of the next letter as before of the last, for a mixture of two records would show."""
    letter = "a" if not before or before[0] == "z" else chr(ord(before[0]) + 1)
    return letter * PADDING


async def main(path: str, cookie: str, times: int) -> None:
    browser = Visitor(SQLiteStore(path), cookie)
    for _ in range(times):
        await browser.visit(count)
        sys.stdout.write(".")
        sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
