"""matrix.yml as Python: the cells, which of them run by default, and what is not applicable in them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Literal, Self, get_args

import msgspec

from e2e.matrix.yaml_file import MatrixError, read, with_choices

FILE = Path(__file__).parent.parent.parent / "matrix.yml"
Axis = Literal["server", "store", "browser", "mode"]
AXES: tuple[Axis, ...] = ("server", "store", "browser", "mode")
PLAIN = "http"
BOUND = "bound"

Extent = Literal["all", "core", "share of core", "about mode or browser"]
"""Which tests of a cell run: all of them; those marked `core`; a share of those, another one in the cell
beside it; or only those that are about the cell's mode or browser."""

SHARES = 5
"""So many cells share the core tests: as many as each server has with stores on the server, and fewer than
each store has servers."""

CHOICES: Mapping[str, Sequence[str]] = {"tests": get_args(Extent)}
"""The values of a field of matrix.yml that knows a few only."""

Names = str | tuple[str, ...]


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

    @property
    def binds(self) -> bool:
        """Whether its browser binds sessions to its device. The mode has Firefox, too, which does not."""
        return self.mode == BOUND and self.browser == "chromium-full"

    @property
    def label(self) -> str:
        """What tells the cell from the others of its server and store."""
        return self.browser if self.mode == PLAIN else f"{self.browser} {self.mode}"


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry of a list in matrix.yml. An axis that it does not name matches all."""

    reason: str
    server: Names | None = None
    store: Names | None = None
    browser: Names | None = None
    mode: Names | None = None

    @property
    def match(self) -> dict[str, tuple[str, ...]]:
        named = {axis: getattr(self, axis) for axis in AXES}
        return {axis: tuple_of(names) for axis, names in named.items() if names is not None}


class SelectionLine(Line, frozen=True, kw_only=True):
    tests: Extent


class LimitLine(Line, frozen=True, kw_only=True):
    promises: tuple[str, ...]
    shown: bool = False
    tests: tuple[str, ...] = ()


class MatrixFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of matrix.yml."""

    servers: tuple[str, ...]
    stores: dict[str, str]
    browsers: tuple[str, ...]
    modes: tuple[str, ...] = (PLAIN,)
    selection: tuple[SelectionLine, ...] = ()
    optional: dict[Axis, Names] = {}
    exclude: tuple[Line, ...] = ()
    not_applicable: tuple[LimitLine, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A line of matrix.yml that applies to the cells it matches; an axis it does not name matches all."""

    match: Mapping[str, tuple[str, ...]]
    reason: str
    promises: tuple[str, ...] = ()
    shown: bool = False
    extent: Extent = "all"
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
        return cls.from_file(read(file, MatrixFile, CHOICES))

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Raises MatrixError, naming the entry that is wrong."""
        try:
            return cls.from_file(msgspec.convert(data, MatrixFile))
        except msgspec.ValidationError as problem:
            raise MatrixError(f"matrix.yml: {with_choices(str(problem), CHOICES)}") from None

    @classmethod
    def from_file(cls, file: MatrixFile) -> Self:
        """Raises MatrixError for a name that its axis has not, and for a line that is about nothing."""
        names: dict[str, Sequence[str]] = {
            "server": file.servers,
            "store": tuple(file.stores),
            "browser": file.browsers,
            "mode": file.modes,
        }
        matrix = cls(
            servers=file.servers,
            stores=file.stores,
            browsers=file.browsers,
            modes=file.modes,
            excluded=rules(file.exclude, names, "matrix.yml, exclude"),
            not_applicable=rules(file.not_applicable, names, "matrix.yml, not_applicable"),
            selection=rules(file.selection, names, "matrix.yml, selection"),
            optional={axis: tuple_of(found) for axis, found in file.optional.items()},
        )
        for axis, found in matrix.optional.items():
            check_names(axis, found, names, "matrix.yml, optional")
        for rule in matrix.excluded:
            if not any(rule.matches(cell) for cell in matrix.combinations):
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
        return {cell: rule.extent for cell, rule in lines if rule}

    @property
    def combinations(self) -> list[Cell]:
        """Every name of each axis with every other, left out or not."""
        return [Cell(*names) for names in product(self.servers, self.stores, self.browsers, self.modes)]

    def names(self, axis: str) -> tuple[str, ...]:
        return tuple(getattr(self, f"{axis}s"))

    def name(self, axis: str, word: str) -> str:
        """The name on that axis that somebody means, in capitals or not. Raises MatrixError."""
        known = self.names(axis)
        if found := [name for name in known if name.lower() == word.lower()]:
            return found[0]
        near = get_close_matches(word.lower(), known, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise MatrixError(f"matrix.yml has no {axis} {word}; it has {', '.join(known)}.{meant}")

    def share_of_core(self, cell: Cell) -> int:
        """Which share of the core set a cell has where cells share it: never that of the cell beside it."""
        return (self.servers.index(cell.server) + list(self.stores).index(cell.store)) % SHARES

    def left_out(self, cell: Cell) -> Rule | None:
        """Why there is no such cell."""
        return next((rule for rule in self.excluded if rule.matches(cell)), None)

    def select(
        self,
        servers: Collection[str] = (),
        stores: Collection[str] = (),
        browsers: Collection[str] = (),
        modes: Collection[str] = (),
    ) -> tuple[Cell, ...]:
        """The cells with one of these names on each axis; no name stands for all. Raises MatrixError."""
        asked = zip(AXES, (servers, stores, browsers, modes), strict=True)
        wanted = {axis: {self.name(axis, word) for word in words} for axis, words in asked}
        matching = [
            cell
            for cell in self.combinations
            if all(not names or getattr(cell, axis) in names for axis, names in wanted.items())
        ]
        left_out = {cell: rule for cell in matching if (rule := self.left_out(cell))}
        cells = tuple(cell for cell in matching if cell not in left_out)
        if not cells:
            reasons = dict.fromkeys(rule.reason for rule in left_out.values())
            raise MatrixError(f"matrix.yml leaves out every cell of that selection: {' '.join(reasons)}")
        return cells

    def limit(self, cell: Cell, promise: str, test: str = "") -> Rule | None:
        """Why `promise` ("ROT-1", or one aspect: "SAVE-3: saved late") is not applicable in `cell`."""
        return next((rule for rule in self.not_applicable if rule.covers(cell, promise, test)), None)

    def known_break(self, cell: Cell, promise: str, test: str = "") -> Rule | None:
        """What is known to break `promise` in `cell`."""
        return next((rule for rule in self.broken if rule.covers(cell, promise, test)), None)


def rules(lines: Iterable[Line], names: Mapping[str, Sequence[str]], where: str) -> tuple[Rule, ...]:
    """Raises MatrixError for a line without a reason, or with a name that its axis has not."""
    return tuple(
        _rule(line, names, f"{where}, entry {number}: {line.reason}") for number, line in enumerate(lines, 1)
    )


def _rule(line: Line, names: Mapping[str, Sequence[str]], where: str) -> Rule:
    if not line.reason.strip():
        raise MatrixError(f"{where} it needs a reason")
    for axis, found in line.match.items():
        check_names(axis, found, names, where)
    extent: Extent = line.tests if isinstance(line, SelectionLine) else "all"
    rule = Rule(line.match, line.reason.strip(), extent=extent)
    if not isinstance(line, LimitLine):
        return rule
    if not line.promises:
        raise MatrixError(f"{where}: which promises?")
    return Rule(line.match, rule.reason, line.promises, line.shown, tests=line.tests)


def check_names(axis: str, found: Collection[str], names: Mapping[str, Sequence[str]], where: str) -> None:
    """Raises MatrixError for a name that its axis has not."""
    if unknown := set(found) - set(names.get(axis, ())):
        raise MatrixError(f"{where}: unknown {axis} {', '.join(sorted(unknown))}")


def tuple_of(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names
