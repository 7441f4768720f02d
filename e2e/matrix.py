"""matrix.yml as Python: the cells to run, and what is not applicable in them.

`python -m e2e.matrix` lists the cells.
"""

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Self

import yaml

FILE = Path(__file__).parent.parent / "matrix.yml"
AXES = ("server", "store", "browser")


class MatrixError(ValueError):
    """matrix.yml, or a selection from it, makes no sense."""


@dataclass(frozen=True)
class Cell:
    """One combination that the whole suite runs on."""

    server: str
    store: str
    browser: str

    @property
    def id(self) -> str:
        return f"{self.server}-{self.store}-{self.browser}"


@dataclass(frozen=True)
class Rule:
    """A line of matrix.yml that applies to the cells it matches; an axis it does not name matches all."""

    match: Mapping[str, tuple[str, ...]]
    reason: str
    promises: tuple[str, ...] = ()
    shown: bool = False
    tests: tuple[str, ...] = ()
    """Names of the tests that it is about, with or without their parameters in brackets; none means all"""

    def matches(self, cell: Cell) -> bool:
        return all(getattr(cell, axis) in names for axis, names in self.match.items())

    def covers(self, cell: Cell, promise: str, test: str = "") -> bool:
        named = promise in self.promises or promise.split(":", maxsplit=1)[0] in self.promises
        tested = not self.tests or test in self.tests or test.partition("[")[0] in self.tests
        return named and tested and self.matches(cell)


@dataclass(frozen=True)
class Matrix:
    servers: tuple[str, ...]
    stores: Mapping[str, str]
    browsers: tuple[str, ...]
    excluded: tuple[Rule, ...]
    not_applicable: tuple[Rule, ...]
    broken: tuple[Rule, ...] = ()
    """What is known not to hold; none of it in cells of our own"""

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
        }
        matrix = cls(
            servers=names["server"],
            stores=dict(data["stores"]),
            browsers=names["browser"],
            excluded=tuple(parse_rule(line, names) for line in data.get("exclude") or ()),
            not_applicable=tuple(
                parse_rule(line, names, promises=True) for line in data.get("not_applicable") or ()
            ),
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
        return matrix

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        everything = (Cell(*names) for names in product(self.servers, self.stores, self.browsers))
        return tuple(cell for cell in everything if not any(rule.matches(cell) for rule in self.excluded))

    def select(
        self, servers: Collection[str] = (), stores: Collection[str] = (), browsers: Collection[str] = ()
    ) -> tuple[Cell, ...]:
        """The cells with one of these names on each axis; no name stands for all. Raises MatrixError."""
        wanted = {"server": servers, "store": stores, "browser": browsers}
        known: Mapping[str, Collection[str]] = {
            "server": self.servers,
            "store": self.stores,
            "browser": self.browsers,
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
    line: Mapping[str, Any], names: Mapping[str, Collection[str]], *, promises: bool = False
) -> Rule:
    """Raises MatrixError for a line without a reason, or with a name that its axis has not."""
    line = dict(line)
    reason = str(line.pop("reason", "")).strip()
    if not reason:
        raise MatrixError(f"matrix.yml: each line needs a reason: {line}")
    listed = tuple(line.pop("promises", ())) if promises else ()
    shown = bool(line.pop("shown", False)) if promises else False
    tests = tuple(line.pop("tests", ())) if promises else ()
    if promises and not listed:
        raise MatrixError(f"matrix.yml: which promises? {reason}")
    match = {axis: tuple([value] if isinstance(value, str) else value) for axis, value in line.items()}
    for axis, values in match.items():
        if unknown := set(values) - set(names.get(axis, ())):
            raise MatrixError(f"matrix.yml: unknown {axis} {', '.join(sorted(unknown))}: {reason}")
    return Rule(match, reason, listed, shown, tests)


def main() -> int:
    for cell in Matrix.load().cells:
        print(cell.id)
    return 0


if __name__ == "__main__":
    sys.exit(main())
