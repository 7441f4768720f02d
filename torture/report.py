"""The tables of the runs, their page docs/torture.md, and the histories with violations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from torture.checker import RULES
from torture.nemeses import NEMESES
from torture.run import PURGE, SHORT, Result
from torture.summary import Summary

SHOWN: Final = 20
"""Violations that are printed; the rest is in the file."""

HEAD: Final = """\
# Torture

Written by `make torture`; not edited by hand. Virtual browsers with cookie jars and parallel requests visited
an app on two uvicorn processes, and meanwhile the nemeses below struck. Afterwards a checker compared the
history of each session with [the promises](promises.md). An operation is one request that got an answer.

A store's column is from its last run that was not a short one. `make torture STORE=redis` runs one. The
seconds tell no store's speed: the machine may have done other work meanwhile.

"""

BEFORE_NEMESES: Final = (
    "\n## What went wrong meanwhile\n\nHow often each nemesis struck."
    f" A run of fewer than {SHORT:,} operations leaves out what takes long.\n\n"
)

BEFORE_RULES: Final = """
## What was compared

How often each fact was there to be checked. Each rule held as often, less its violations.

"""

BEFORE_VERSIONS: Final = """
## With which versions

"""

AFTER: Final = """
## What the checker leaves open

- A request without an answer, or with a 503, may have been done or not.
- A login may overtake an extension: nobody [can prevent](promises.md#what-cannot-be-had) it. The browser goes
  on with the login's cookie.
- A login that took longer than a replaced id is remembered. Its session is left out, and counted above.
"""


def page(summaries: Sequence[Summary]) -> str:
    versions = "".join(f"- {each.store}, {each.day}: {each.versions}\n" for each in summaries)
    return HEAD + tables(summaries) + BEFORE_VERSIONS + versions + AFTER


def tables(summaries: Sequence[Summary]) -> str:
    summary = [["store", "operations", "sessions", "503", "no answer", "seconds", "**violations**"]]
    summary += [
        [
            each.described,
            f"{each.operations:,}",
            f"{each.sessions:,}",
            f"{each.unavailable:,}",
            f"{each.unanswered:,}",
            f"{each.seconds:,.0f}",
            f"**{sum(each.violations.values())}**",
        ]
        for each in summaries
    ]
    nemeses = [nemesis.name for nemesis in NEMESES] + [PURGE]
    compared = sorted({name for each in summaries for name in each.checked})
    return (
        _table(summary)
        + BEFORE_NEMESES
        + _by_store("nemesis", nemeses, summaries, lambda each, name: each.strikes.get(name, 0))
        + BEFORE_RULES
        + _by_store("fact", compared, summaries, lambda each, name: each.checked.get(name, 0))
        + "\n"
        + _by_store("rule: violations", RULES, summaries, lambda each, name: each.violations.get(name, 0))
    )


def write_histories(result: Result, folder: Path) -> Path:
    """The histories with violations, and what the workers logged. Neither shows a cookie."""
    folder.mkdir(exist_ok=True)
    histories = [
        {
            "session": life.number,
            "violations": [each for each in result.violations if each.life == life.number],
            "operations": life.operations,
        }
        for life in result.histories
    ]
    file = folder / f"{result.store}.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(histories)))
    (folder / f"{result.store}.log").write_text(result.log, "utf-8")
    return file


def _by_store(
    head: str, names: Iterable[str], summaries: Sequence[Summary], count: Callable[[Summary, str], int]
) -> str:
    rows = [[name, *(f"{count(each, name):,}" for each in summaries)] for name in names]
    return _table([[head, *(each.store for each in summaries)], *rows])


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *others]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
