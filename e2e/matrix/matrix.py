"""matrix.yml as Python: the cells, which of them are run by default, and what is not applicable in them.

`python -m e2e.matrix` lists the cells of `make e2e`, `python -m e2e.matrix --full` all;
`python -m e2e.matrix --github` prints the jobs of the CI workflow.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

import yaml

FILE = Path(__file__).parent.parent / "matrix.yml"
AXES = ("server", "store", "browser", "mode")
PLAIN = "http"

Extent = Literal["all", "core", "turn", "own"]
"""Which tests of a cell run: all of them, those marked `core`, those of the core set whose turn it is in this
cell, or only those about its mode or browser."""

TURNS = 3
"""In so many parts the core set is shared out."""


class MatrixError(ValueError):
    """matrix.yml, or a selection from it, makes no sense."""


@dataclass(frozen=True)
class Cell:
    """One combination that the suite runs on. `mode` is how the server is run, plainly by default."""

    server: str
    store: str
    browser: str
    mode: str = PLAIN

    @cached_property
    def id(self) -> str:
        name = f"{self.server}-{self.store}-{self.browser}"
        return name if self.mode == PLAIN else f"{name}-{self.mode}"


@dataclass(frozen=True)
class Rule:
    """A line of matrix.yml that applies to the cells it matches; an axis it does not name matches all."""

    match: Mapping[str, tuple[str, ...]]
    reason: str
    promises: tuple[str, ...] = ()
    shown: bool = False
    tests: Extent = "all"
    about: tuple[str, ...] = ()
    """Names of the tests that it is about, with or without their parameters in brackets; none means all"""

    def matches(self, cell: Cell) -> bool:
        return all(getattr(cell, axis) in names for axis, names in self.match.items())

    def covers(self, cell: Cell, promise: str, test: str = "") -> bool:
        named = promise in self.promises or promise.split(":", maxsplit=1)[0] in self.promises
        tested = not self.about or test in self.about or test.partition("[")[0] in self.about
        return named and tested and self.matches(cell)


@dataclass(frozen=True)
class Matrix:
    servers: tuple[str, ...]
    stores: Mapping[str, str]
    browsers: tuple[str, ...]
    modes: tuple[str, ...]
    excluded: tuple[Rule, ...]
    not_applicable: tuple[Rule, ...]
    selection: tuple[Rule, ...] = ()
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Axis → names that the full matrix takes only where the machine has them."""
    broken: tuple[Rule, ...] = ()
    """What is known not to hold; none of it in cells of our own."""

    @classmethod
    def load(cls, file: Path = FILE) -> Self:
        """Raises MatrixError, naming the line that is wrong."""
        return cls.parse(yaml.safe_load(file.read_text()))

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        names = {
            "server": tuple(data["servers"]),
            "store": tuple(data["stores"]),
            "browser": tuple(data["browsers"]),
            "mode": tuple(data.get("modes") or [PLAIN]),
        }
        matrix = cls(
            servers=names["server"],
            stores=dict(data["stores"]),
            browsers=names["browser"],
            modes=names["mode"],
            excluded=tuple(parse_rule(line, names) for line in data.get("exclude") or ()),
            not_applicable=tuple(
                parse_rule(line, names, "promises") for line in data.get("not_applicable") or ()
            ),
            selection=tuple(parse_rule(line, names, "tests") for line in data.get("selection") or ()),
            optional={
                axis: _names(axis, found, names, "optional")
                for axis, found in (data.get("optional") or {}).items()
            },
        )
        everything = [Cell(*combination) for combination in product(*names.values())]
        for rule in matrix.excluded:
            if not any(rule.matches(cell) for cell in everything):
                raise MatrixError(f"matrix.yml leaves out a combination that does not exist: {rule.reason}")
        for rule in matrix.not_applicable:
            if not any(rule.matches(cell) for cell in matrix.cells):
                raise MatrixError(
                    f"matrix.yml declares {', '.join(rule.promises)} for no cell: {rule.reason}"
                )
        for rule in matrix.selection:
            if not any(rule.matches(cell) for cell in matrix.cells):
                raise MatrixError(f"matrix.yml selects no cell: {rule.reason}")
        return matrix

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All that are not left out, in the order of matrix.yml."""
        return tuple(cell for cell in self.combinations if self.left_out(cell) is None)

    @cached_property
    def default(self) -> Mapping[Cell, Extent]:
        """What `make e2e` runs: of the lines of `selection` that match a cell the first decides."""
        if not self.selection:
            return dict.fromkeys(self.cells, "all")
        lines = (
            (cell, next((rule for rule in self.selection if rule.matches(cell)), None)) for cell in self.cells
        )
        return {cell: rule.tests for cell, rule in lines if rule}

    @property
    def combinations(self) -> list[Cell]:
        """Every name of each axis with every other, left out or not."""
        return [Cell(*names) for names in product(self.servers, self.stores, self.browsers, self.modes)]

    def turn(self, cell: Cell) -> int:
        """Which part of the core set a cell has where cells take turns: never that of the cell beside it."""
        return (self.servers.index(cell.server) + list(self.stores).index(cell.store)) % TURNS

    def left_out(self, cell: Cell) -> Rule | None:
        """Why there is no such cell."""
        return next((rule for rule in self.excluded if rule.matches(cell)), None)

    def is_optional(self, cell: Cell) -> bool:
        return any(getattr(cell, axis) in names for axis, names in self.optional.items())

    def select(
        self,
        servers: Collection[str] = (),
        stores: Collection[str] = (),
        browsers: Collection[str] = (),
        modes: Collection[str] = (),
    ) -> tuple[Cell, ...]:
        """The cells with one of these names on each axis; no name stands for all. Raises MatrixError."""
        wanted = {"server": servers, "store": stores, "browser": browsers, "mode": modes}
        known: Mapping[str, Collection[str]] = {
            "server": self.servers,
            "store": self.stores,
            "browser": self.browsers,
            "mode": self.modes,
        }
        for axis, names in wanted.items():
            if unknown := set(names) - set(known[axis]):
                raise MatrixError(
                    f"matrix.yml has no {axis} {', '.join(sorted(unknown))}; it has {', '.join(known[axis])}"
                )
        cells = tuple(
            cell
            for cell in self.cells
            if all(not names or getattr(cell, axis) in names for axis, names in wanted.items())
        )
        if not cells:
            raise MatrixError("Every cell of that selection is left out in matrix.yml")
        return cells

    def limit(self, cell: Cell, promise: str, test: str = "") -> Rule | None:
        """Why `promise` ("ROT-1", or one aspect: "SAVE-3: saved late") is not applicable in `cell`."""
        return next((rule for rule in self.not_applicable if rule.covers(cell, promise, test)), None)

    def known_break(self, cell: Cell, promise: str, test: str = "") -> Rule | None:
        """What is known to break `promise` in `cell`."""
        return next((rule for rule in self.broken if rule.covers(cell, promise, test)), None)


def parse_rule(
    line: Mapping[str, Any],
    names: Mapping[str, Sequence[str]],
    kind: Literal["exclude", "promises", "tests"] = "exclude",
) -> Rule:
    """Raises MatrixError for a line without a reason, or with a name that its axis has not."""
    line = dict(line)
    reason = str(line.pop("reason", "")).strip()
    if not reason:
        raise MatrixError(f"matrix.yml: each line needs a reason: {line}")
    listed = tuple(line.pop("promises", ())) if kind == "promises" else ()
    shown = bool(line.pop("shown", False)) if kind == "promises" else False
    about = tuple(line.pop("tests", ())) if kind == "promises" else ()
    tests = line.pop("tests", None) if kind == "tests" else "all"
    if kind == "promises" and not listed:
        raise MatrixError(f"matrix.yml: which promises? {reason}")
    if tests not in get_args(Extent):
        raise MatrixError(f"matrix.yml: tests are one of {', '.join(get_args(Extent))}: {reason}")
    match = {axis: _names(axis, value, names, reason) for axis, value in line.items()}
    return Rule(match, reason, listed, shown, cast(Extent, tests), about)


def _names(
    axis: str, value: str | Sequence[str], names: Mapping[str, Sequence[str]], where: str
) -> tuple[str, ...]:
    found = tuple([value] if isinstance(value, str) else value)
    if unknown := set(found) - set(names.get(axis, ())):
        raise MatrixError(f"matrix.yml: unknown {axis} {', '.join(sorted(unknown))}: {where}")
    return found


def main(arguments: Sequence[str]) -> int:
    if "--github" in arguments:
        from e2e.github import as_json  # noqa: PLC0415 - it imports this module

        print(as_json(Matrix.load()))
        return 0
    matrix = Matrix.load()
    extents = dict.fromkeys(matrix.cells, "all") if "--full" in arguments else matrix.default
    for cell, extent in extents.items():
        print(cell.id if extent == "all" else f"{cell.id} ({extent})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
