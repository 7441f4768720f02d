"""The report as a page of its own."""

from itertools import groupby
from pathlib import Path

from e2e.report.grid import Grid
from e2e.report.marks import KINDS, MARKS, MEANINGS, summary, workers
from e2e.report.render import render
from e2e.report.results import Results, state_of


def write_page(results: Results, file: Path) -> None:
    """One self-contained HTML file; only traces and screenshots of failures are files beside it."""
    render(
        file,
        "report.html",
        results=results,
        summary=summary(results),
        marks=MARKS,
        meanings=MEANINGS,
        grid=Grid(results),
        servers=[
            (server, len(list(cells))) for server, cells in groupby(results.cells, lambda cell: cell.server)
        ],
        kinds=KINDS,
        workers=workers(results),
        duration=_duration,
        state_of=lambda grid, promise: state_of(
            outcome for one in grid.cells.values() for _, outcome in one.said.get(promise, ())
        ),
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
