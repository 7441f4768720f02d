"""The report, from results alone: `python -m e2e.report [RESULTS.json] [PAGE.html]`."""

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from textwrap import wrap

from e2e.results import FOLDER, CellResult, Kind, Results, State, state_of
from e2e.templates import render
from e2e.view import Square, View

MARKS: dict[State, str] = {
    "passed": "✓",
    "failed": "✗",
    "partly": "◐",
    "known break": "✕",
    "broken in part": "◩",
    "not applicable": "–",  # noqa: RUF001 - an en dash is meant
    "not run": " ",
}
MEANINGS: dict[State, str] = {
    "passed": "passed",
    "failed": "failed",
    "partly": "passed, one aspect not applicable",
    "known break": "known break",
    "broken in part": "known break of some tests",
    "not applicable": "not applicable",
    "not run": "not run",
}


KINDS: dict[Kind, str] = {
    "all": "with all tests",
    "core": "with the core tests",
    "turn": "with the part of the core tests whose turn it is",
    "own": "with the tests about their mode or browser",
    "not selected": "not selected",
    "excluded": "excluded",
}


def summary(results: Results) -> str:
    return (
        f"{results.count('passed')} passed, {results.count('failed')} failed, "
        + (f"{results.count('known break')} known breaks, " if results.targets else "")
        + f"{results.count('not applicable')} not applicable, "
        f"{len(results.cells)} cells, {results.seconds:.0f} s wall "
        f"({1000 * results.seconds_a_test:.0f} ms per browser test, {_workers(results)})"
    )


def table(results: Results, *, width: int = 120) -> Iterator[str]:
    """Lines for a terminal. What is longer than `width` (how a test failed) the terminal may wrap."""
    view = View(results)
    for form in (_promises_by_cells, _servers_by_stores, _cell_by_cell):
        lines = list(form(view))
        if all(len(line) <= width for line in lines):
            break
    for line in lines:
        yield from [line] if len(line) <= width else wrap(line, width, subsequent_indent="    ")
    yield ""
    if broken := view.broken():
        for promise, cells in broken.items():
            yield from wrap(f"✗ {promise}: {', '.join(cells)}", width, subsequent_indent="    ")
        yield ""
    for test in results.failures:
        heading = f"✗ {test.cell}: {test.title}  ({', '.join(test.promises)})"
        yield from wrap(heading, width, subsequent_indent="  ")
        yield from (f"    {line}" for line in test.failure.splitlines())
        yield from (f"    {kind}: {FOLDER / path}" for kind, path in test.artifacts)
        yield ""
    for error in results.errors:
        yield f"✗ {error}"
    for choice in view.choices("not selected"):
        yield from wrap(f"{len(choice.cells)} not selected. {choice.reason}", width)
    yield from wrap(summary(results), width)
    yield f"Report: {FOLDER / 'index.html'}"


def _promises_by_cells(view: View) -> Iterator[str]:
    """Everything, for a few cells: promises down, cells across."""
    results = view.results
    first = max(map(len, results.promises), default=0) + 2
    cells = [view.cell for view in view.cells.values()]
    column = (
        max((len(name) for cell in cells for name in (cell.server, cell.store, cell.label)), default=0) + 2
    )
    for axis in ("server", "store", "label"):
        yield " " * first + _across(cells, axis, column)
    for promise in results.promises:
        marks = (MARKS[view.of(promise)] for view in view.cells.values())
        yield promise.ljust(first) + "".join(mark.ljust(column) for mark in marks).rstrip()
    seconds = (f"{cell.seconds:.1f} s".ljust(column) for cell in cells)
    yield " " * first + "".join(seconds).rstrip()
    yield ""
    yield from _legend({view.of(promise) for view in view.cells.values() for promise in results.promises})


def _servers_by_stores(view: View) -> Iterator[str]:
    """Servers down, stores across, in each square how many of its cells hold what they promise."""
    first = max(map(len, view.servers), default=0) + 2
    column = max([*map(len, view.stores), len("✗ 9 of 9")]) + 2
    yield (" " * first + "".join(store.ljust(column) for store in view.stores)).rstrip()
    for server in view.servers:
        squares = (view.squares[server, store] for store in view.stores)
        yield (server.ljust(first) + "".join(_in_short(square).ljust(column) for square in squares)).rstrip()
    yield ""
    yield "✓ 3  three cells passed   ✗ 1 of 3  one failed   – excluded   · not selected"  # noqa: RUF001


def _cell_by_cell(view: View) -> Iterator[str]:
    for name, one in view.cells.items():
        passed, failed = one.count("passed"), one.count("failed")
        numbers = f"{failed} failed" if failed else f"{passed}"
        yield f"{MARKS[one.state]} {numbers:>8} {one.cell.seconds:6.1f} s  {name}"


def _in_short(square: Square) -> str:
    if not square.cells:
        return "–" if square.state == "excluded" else "·"  # noqa: RUF001
    total, failed = len(square.cells), sum(cell.state == "failed" for cell in square.cells)
    return f"✗ {failed} of {total}" if failed else f"✓ {total}"


def _legend(states: set[State]) -> Iterator[str]:
    yield from (
        f"{MARKS[state]} {meaning}" for state, meaning in MEANINGS.items() if state in states - {"not run"}
    )


def write_page(results: Results, file: Path) -> None:
    """One self-contained HTML file; only traces and screenshots of failures are files beside it."""
    render(
        file,
        "report.html",
        results=results,
        summary=summary(results),
        marks=MARKS,
        meanings=MEANINGS,
        view=View(results),
        servers=[
            (server, len(list(cells))) for server, cells in groupby(results.cells, lambda cell: cell.server)
        ],
        kinds=KINDS,
        workers=_workers(results),
        duration=_duration,
        state_of=lambda view, promise: state_of(
            outcome for cell in view.cells.values() for _, outcome in cell.said.get(promise, ())
        ),
    )


def _across(cells: list[CellResult], axis: str, column: int) -> str:
    """Names of an axis, each once where it begins."""
    line, before = "", None
    for cell in cells:
        name = str(getattr(cell, axis))
        # A store's name stands over every column; servers and browsers span theirs.
        line += ("" if name == before and axis != "store" else name).ljust(column)
        before = name
    return line.rstrip()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _workers(results: Results) -> str:
    return f"{results.workers} worker{'s' if results.workers > 1 else ''}"


def main(arguments: list[str]) -> int:
    source = Path(arguments[0]) if arguments else FOLDER / "results.json"
    page = Path(arguments[1]) if len(arguments) > 1 else source.with_name("index.html")
    try:
        results = Results.load(source)
    except (OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    write_page(results, page)
    print(f"{page}: {summary(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
