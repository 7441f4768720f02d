"""A run in Markdown, short enough for the summary of a workflow's job."""

from collections.abc import Iterator

from e2e.report.grid import Grid
from e2e.report.marks import summary
from e2e.report.results import Results
from e2e.report.terminal import SQUARES, in_short


def markdown(results: Results) -> Iterator[str]:
    """Line by line."""
    grid = Grid(results)
    yield f"**{results.verdict}.** {summary(results)}"
    yield ""
    yield f"| | {' | '.join(grid.stores)} |"
    yield f"| --- | {' | '.join('---' for _ in grid.stores)} |"
    for server in grid.servers:
        squares = (in_short(grid.squares[server, store]) for store in grid.stores)
        yield f"| {server} | {' | '.join(squares)} |"
    yield ""
    yield SQUARES
    for test in results.failures:
        yield f"- ✗ {test.cell}: {test.title} ({', '.join(test.promises)})"
    for error in results.errors:
        yield f"- ✗ {error.splitlines()[0]}"
