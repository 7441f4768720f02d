"""docs/scale.md, made of the figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from scale.figures import Figures
from scale.records import PAYLOAD

TEN_MILLION: Final = 10_000_000

HEAD: Final = f"""\
# How far each store carries

Written by `make scale`; not edited by hand. Each store held so many live sessions of {PAYLOAD} bytes, on one
machine of two cores that also ran the database. What counts are the ratios; another machine has other times.

"""

WHEN: Final = """
## When to go from one to the next

- **Memory** until there is a second process, or until a restart may not log anybody out. Its limit is the
  process's memory: see "ten million" above.
- **SQLite** as long as one machine serves: its sessions survive a restart, and its processes share them. One
  writer writes at a time.
- **PostgreSQL** or **Redis** from the second machine on. PostgreSQL if you have it anyway and want one thing
  less to run; Redis if sessions are most of what your database does.
- **A cluster** of Redis or Valkey when one server's memory is too small: divide it by the bytes of a session
  above, and leave half of it free for copies on writing.
"""


def page(figures: Sequence[Figures]) -> str:
    rows: list[tuple[str, Callable[[Figures], str]]] = [
        ("sessions", lambda each: f"{each.sessions:,}"),
        ("bytes of a session beside its payload", lambda each: f"{each.beside:,.0f}"),
        ("ten million of them, calculated, GiB", lambda each: f"{_ten_million(each):.1f}"),
        ("filled with, sessions a second", lambda each: f"{each.sessions / each.fill_seconds:,.0f}"),
        ("a read among 1,000 sessions, µs", lambda each: f"{each.few.read:,.1f}"),
        ("a read among all, µs", lambda each: f"{each.many.read:,.1f}"),
        ("a write among 1,000 sessions, µs", lambda each: f"{each.few.write:,.1f}"),
        ("a write among all, µs", lambda each: f"{each.many.write:,.1f}"),
        ("expired sessions that a purge removed", lambda each: _purged(each, "removed")),
        ("seconds that it took", lambda each: _purged(each, "seconds")),
        ("the longest wait of a read beside it, ms", lambda each: _purged(each, "longest_wait")),
        ("the longest without it, ms", lambda each: _purged(each, "longest_wait_alone")),
        ("sessions of one owner", lambda each: f"{each.owner.sessions:,}"),
        ("to list them, seconds", lambda each: f"{each.owner.list_seconds:.2f}"),
        ("to end them, seconds", lambda each: f"{each.owner.end_seconds:.2f}"),
        ("births and deaths of sessions in an empty store", lambda each: f"{each.births.number:,}"),
        ("the process grew by, MiB", lambda each: f"{each.births.grown / 2**20:.1f}"),
    ]
    lines = [["", *(each.store for each in figures)], ["---", *["---:"] * len(figures)]]
    lines += [[name, *(cell(each) for each in figures)] for name, cell in rows]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    days = "".join(f"- {each.store}: {each.day}, CPython {each.python}\n" for each in figures)
    return HEAD + table + WHEN + "\n## Measured\n\n" + days


def _ten_million(each: Figures) -> float:
    return TEN_MILLION * (each.beside + PAYLOAD) / 2**30


def _purged(each: Figures, figure: str) -> str:
    if each.purge is None:
        return "it expires by itself" if figure == "removed" else ""
    value = getattr(each.purge, figure)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
