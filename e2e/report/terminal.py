"""The report on the terminal: as much as its width has room for."""

from collections.abc import Iterable

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from e2e.report.grid import Grid, Square
from e2e.report.marks import MARKS, MEANINGS, summary
from e2e.report.results import FOLDER, Results, State

SQUARES = "✓ 3  three cells passed   ✗ 1 of 3  one failed   – excluded   · not selected"  # noqa: RUF001

_ANY_WIDTH = 10_000
"""Columns of a terminal on which every table has room."""

COLOURS = {"✓": "green", "✗": "bold red", "✕": "red", "◩": "red", "–": "dim", "·": "dim"}  # noqa: RUF001


def print_report(results: Results, console: Console) -> None:
    """How a test failed is not cut: the terminal may wrap it."""
    grid = Grid(results)
    table, legend = _as_much_as_fits(grid, console)
    console.print(table)
    console.print()
    for line in legend:
        console.print(Text(line))
    console.print()
    if broken := grid.broken():
        for promise, cells in broken.items():
            _print_marked(console, "✗", f"{promise}: {', '.join(cells)}")
        console.print()
    for test in results.failures:
        _print_marked(console, "✗", f"{test.cell}: {test.title}  ({', '.join(test.promises)})")
        _print_lines(console, (f"    {line}" for line in test.failure.splitlines()))
        _print_lines(console, (f"    {kind}: {FOLDER / path}" for kind, path in test.artifacts))
        console.print()
    for error in results.errors:
        _print_lines(console, f"✗ {error}".splitlines())
    for choice in grid.choices("not selected"):
        console.print(Text(f"{len(choice.cells)} not selected. {choice.reason}"))
    console.print(Text(f"{results.verdict}.", "bold green" if results.green else "bold red"))
    console.print(Text(summary(results)))
    console.print(Text(f"Report: {FOLDER / 'index.html'}"))


def _as_much_as_fits(grid: Grid, console: Console) -> tuple[Table, list[str]]:
    """A table, and the lines that explain its signs."""
    for table, legend in (
        (_promises_by_cells(grid), _legend(grid)),
        (_servers_by_stores(grid), [SQUARES]),
    ):
        needed = Measurement.get(console, console.options.update_width(_ANY_WIDTH), table).maximum
        if needed <= console.width:
            return table, legend
    return _cell_by_cell(grid), []


def _print_lines(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _print_marked(console: Console, mark: str, text: str) -> None:
    """What does not fit goes on under the text, not under the mark."""
    line = Table.grid(padding=(0, 1))
    line.add_row(_coloured(mark), Text(text, overflow="fold"))
    console.print(line)


def _table() -> Table:
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))


def _promises_by_cells(grid: Grid) -> Table:
    """Everything, for a few cells: promises down, cells across."""
    table = _table()
    results, cells = grid.results, list(grid.cells.values())
    for _ in range(len(cells) + 1):
        table.add_column(no_wrap=True)
    # A store's name stands over every column; servers and browsers span theirs.
    table.add_row("", *_each_once(one.cell.server for one in cells))
    table.add_row("", *(one.cell.store for one in cells))
    table.add_row("", *_each_once(one.cell.label for one in cells))
    for promise in results.promises:
        table.add_row(promise, *(_coloured(MARKS[one.of(promise)]) for one in cells))
    table.add_row("", *(f"{one.cell.seconds:.1f} s" for one in cells))
    return table


def _servers_by_stores(grid: Grid) -> Table:
    """Servers down, stores across, in each square how many of its cells hold what they promise."""
    table = _table()
    for _ in range(len(grid.stores) + 1):
        table.add_column(no_wrap=True)
    table.add_row("", *grid.stores)
    for server in grid.servers:
        table.add_row(server, *(_coloured(in_short(grid.squares[server, store])) for store in grid.stores))
    return table


def _cell_by_cell(grid: Grid) -> Table:
    table = Table.grid(padding=(0, 1))
    for justify in ("left", "right", "right"):
        table.add_column(no_wrap=True, justify=justify)
    table.add_column(overflow="fold")
    for name, one in grid.cells.items():
        passed, failed = one.count("passed"), one.count("failed")
        numbers = f"{failed} failed" if failed else f"{passed}"
        table.add_row(_coloured(MARKS[one.state]), numbers, f"{one.cell.seconds:.1f} s", name)
    return table


def in_short(square: Square) -> str:
    """How many of a square's cells hold what they promise; `SQUARES` explains the signs."""
    if not square.cells:
        return "–" if square.state == "excluded" else "·"  # noqa: RUF001
    total, failed = len(square.cells), sum(cell.state == "failed" for cell in square.cells)
    return f"✗ {failed} of {total}" if failed else f"✓ {total}"


def _legend(grid: Grid) -> list[str]:
    shown: set[State] = {one.of(promise) for one in grid.cells.values() for promise in grid.results.promises}
    return [
        f"{MARKS[state]} {meaning}" for state, meaning in MEANINGS.items() if state in shown - {"not run"}
    ]


def _coloured(text: str) -> Text:
    return Text(text, COLOURS.get(text[:1], ""))


def _each_once(names: Iterable[str]) -> list[str]:
    """Each name where it begins, and nothing where it goes on."""
    found, before = list[str](), None
    for name in names:
        found.append("" if name == before else name)
        before = name
    return found
