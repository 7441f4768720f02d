"""What a run takes: which cells, and which tests of each cell."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from e2e.matrix.matrix import AXES, SHARES, Axis, Cell, Extent, Matrix

USUAL: tuple[Axis, ...] = ("browser", "mode")
"""Whoever names only a server or a store means the first browser and mode of matrix.yml."""

EVERYWHERE = ("http", "https", "workers")
"""The modes that a test is for if it does not name others: under a root path all addresses differ."""

Missing = Callable[[str, str], str | None]
"""Axis and name → why this machine has no such browser or store, or None."""


def nothing_is_missing(_axis: str, _name: str) -> None:
    """For a machine that has everything."""


@dataclass(frozen=True)
class Selection:
    """`absent` are the optional cells that the machine cannot run, with the reason."""

    cells: Mapping[Cell, Extent]
    absent: Mapping[Cell, str] = field(default_factory=dict[Cell, str])


def select_cells(
    matrix: Matrix,
    wanted: Mapping[str, Collection[str]],
    *,
    full: bool = False,
    missing_here: Missing = nothing_is_missing,
) -> Selection:
    """The cells with one of the `wanted` names on each axis; no name stands for all. Raises MatrixError."""
    if not full and not any(wanted.values()):
        return Selection(matrix.default)
    if not full:
        usual = {axis: [matrix.names(axis)[0]] for axis in USUAL}
        wanted = {axis: wanted[axis] or usual.get(axis, ()) for axis in AXES}
    cells = matrix.select(*(wanted[axis] for axis in AXES))
    named = {matrix.name(axis, word) for axis, words in wanted.items() for word in words}
    # What was asked for by name has to be there; the full matrix takes what there is.
    missing = {
        name: why
        for axis in AXES
        for name in matrix.optional.get(axis, ())
        if name not in named and (why := missing_here(axis, name))
    }
    absent = {
        cell: missing[name] for cell in cells for axis in AXES if (name := getattr(cell, axis)) in missing
    }
    return Selection(dict.fromkeys((cell for cell in cells if cell not in absent), "all"), absent)


@dataclass(frozen=True)
class Test:
    """As much of a browser test as decides where it runs."""

    __test__ = False  # not a test class, whatever its name

    name: str
    only: Mapping[str, str | Sequence[str]] = field(default_factory=dict[str, "str | Sequence[str]"])
    """Axis → the names for which it is, if it is `only` for some"""


def is_selected(test: Test, cell: Cell, extent: Extent, core: Sequence[str], share: int) -> bool:
    """Whether the test belongs to what is run of its cell.

    `core` are the names of all tests marked `core`, `share` says which share of them the cell has.
    """
    for axis, names in ({"mode": EVERYWHERE} | dict(test.only)).items():
        if getattr(cell, axis) not in ([names] if isinstance(names, str) else names):
            return False
    match extent:
        case "all":
            return True
        case "core":
            return test.name in core
        case "share of core":
            return test.name in core and core.index(test.name) % SHARES == share
        case "about mode or browser":
            return "mode" in test.only or "browser" in test.only
