"""Why a run has the cells that it has, and why others are missing: told in the report."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from e2e.matrix.matrix import Cell, Extent, Matrix
from e2e.matrix.selection import Selection

Kind = Literal[Extent, "excluded", "not selected"]
"""Which tests of a cell ran; or none, there being no such cell, or it not being in this run."""


@dataclass
class Choice:
    """Cells that ran or did not run for one reason."""

    kind: Kind
    reason: str
    cells: list[tuple[str, str, str]]
    """(server, store, label) of each"""


NOT_CHOSEN = {
    "default": "Not in the default selection of matrix.yml; `make e2e-full` runs every cell.",
    "full": "Nothing of this cell was to run.",
    "named": "Another server, store, browser or mode was asked for.",
}


def way(wanted: Mapping[str, Collection[str]], *, full: bool) -> str:
    """How the cells were chosen: "default", "named" or "full"."""
    named = any(wanted.values())
    return "named" if named else "full" if full else "default"


def in_words(wanted: Mapping[str, Collection[str]], *, full: bool) -> str:
    how = way(wanted, full=full)
    if how == "named":
        return "asked for by name: " + ", ".join(
            f"{axis} {' or '.join(names)}" for axis, names in wanted.items() if names
        )
    return "the full matrix" if how == "full" else "the default selection of matrix.yml"


def choices(matrix: Matrix, selection: Selection, ran: Collection[str], how: str) -> list[Choice]:
    """Every combination of names on the axes under its reason; `ran` are the ids of cells with a test."""
    found: dict[tuple[Kind, str], list[tuple[str, str, str]]] = {}
    for cell in matrix.combinations:
        if reason := _reason(matrix, selection, cell, ran, how):
            place = cell.server, cell.store, cell.label
            found.setdefault(reason, []).append(place)
    return [Choice(kind, reason, cells) for (kind, reason), cells in found.items()]


def _reason(
    matrix: Matrix, selection: Selection, cell: Cell, ran: Collection[str], how: str
) -> tuple[Kind, str] | None:
    if rule := matrix.left_out(cell):
        return "excluded", rule.reason
    if cell in selection.absent:
        return "not selected", selection.absent[cell]
    if cell not in selection.cells:
        return "not selected", NOT_CHOSEN[how]
    if cell.id not in ran:
        return "not selected", "Chosen, but none of the tests that were asked for ran in it."
    return next(_lines(matrix, cell), None) if how == "default" else None


def _lines(matrix: Matrix, cell: Cell) -> Iterator[tuple[Kind, str]]:
    for rule in matrix.selection:
        if rule.matches(cell):
            yield rule.extent, rule.reason
