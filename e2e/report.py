"""The report, from results alone: `python -m e2e.report [RESULTS.json] [PAGE.html]`."""

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from e2e.results import FOLDER, CellResult, Results, State

MARKS: dict[State, str] = {
    "passed": "✓",
    "failed": "✗",
    "partly": "◐",
    "broken": "✕",
    "broken in part": "◩",
    "not applicable": "–",  # noqa: RUF001 - an en dash is meant
    "not run": " ",
}
MEANINGS: dict[State, str] = {
    "passed": "passed",
    "failed": "failed",
    "partly": "passed, one aspect not applicable",
    "broken": "known break",
    "broken in part": "known break of some tests",
    "not applicable": "not applicable",
    "not run": "not run",
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
    """Lines for a terminal: promises down, cells across, in as many blocks as the width needs."""
    first = max((len(name) for name in results.promises), default=0) + 2
    names = [(cell.server, cell.store, cell.browser) for cell in results.cells]
    column = max((len(name) for cell in names for name in cell), default=0) + 2
    across = max(1, (width - first) // column)
    for start in range(0, len(results.cells), across):
        cells = results.cells[start : start + across]
        for axis in ("server", "store", "browser"):
            yield " " * first + _across(cells, axis, column)
        for promise in results.promises:
            marks = (MARKS[results.state(cell.id, promise)] for cell in cells)
            yield promise.ljust(first) + "".join(mark.ljust(column) for mark in marks).rstrip()
        seconds = (f"{cell.seconds:.1f} s".ljust(column) for cell in cells)
        yield " " * first + "".join(seconds).rstrip()
        yield ""
    yield "   ".join(f"{mark} {MEANINGS[state]}" for state, mark in MARKS.items() if mark.strip())
    for test in results.failures:
        yield ""
        yield f"✗ {test.cell}: {test.title}  ({', '.join(test.promises)})"
        yield from (f"    {line}" for line in test.failure.splitlines())
        yield from (f"    {kind}: {FOLDER / path}" for kind, path in test.artifacts)
    for error in results.errors:
        yield f"✗ {error}"
    yield ""
    yield summary(results)
    yield f"Report: {FOLDER / 'index.html'}"


def write_page(results: Results, file: Path) -> None:
    """One self-contained HTML file; only traces and screenshots of failures are files beside it."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    page = templates.get_template("report.html").render(
        results=results,
        summary=summary(results),
        marks=MARKS,
        meanings=MEANINGS,
        servers=[
            (server, len(list(cells))) for server, cells in groupby(results.cells, lambda cell: cell.server)
        ],
        workers=_workers(results),
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page)


def _across(cells: list[CellResult], axis: str, column: int) -> str:
    """Names of an axis, each once where it begins."""
    line, before = "", None
    for cell in cells:
        name = str(getattr(cell, axis))
        # A store's name stands over every column; servers and browsers span theirs.
        line += ("" if name == before and axis != "store" else name).ljust(column)
        before = name
    return line.rstrip()


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
