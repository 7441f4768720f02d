"""Results as the report shows them: servers by stores, cells in each square, promises in each cell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from e2e.matrix.explanation import Choice, Kind
from e2e.promises import id_of
from e2e.report.results import CellResult, Outcome, Results, State, TestResult, state_of


def whole(tests: Iterable[TestResult]) -> State:
    """Of many tests at once; that some are not applicable, or known to break, is for the details."""
    state = state_of(test.outcome for test in tests)
    return "passed" if state in ("partly", "known break", "broken in part") else state


@dataclass
class CellInGrid:
    """A cell with its own tests."""

    cell: CellResult
    tests: list[TestResult] = field(default_factory=list)
    said: dict[str, list[tuple[TestResult, Outcome]]] = field(default_factory=dict)
    """Promise → its tests here, with what each says of it"""

    def count(self, outcome: Outcome) -> int:
        return sum(test.outcome == outcome for test in self.tests)

    @property
    def state(self) -> State:
        """Of the cell as a whole."""
        return whole(self.tests)

    def of(self, promise: str) -> State:
        return state_of(outcome for _, outcome in self.said.get(promise, ()))

    def reasons(self, promise: str) -> list[str]:
        """Why (an aspect of) the promise is not applicable here."""
        found = (
            reason
            for test, _ in self.said.get(promise, ())
            for name, reason in test.reasons.items()
            if id_of(name) == promise
        )
        return list(dict.fromkeys(found))


@dataclass
class Square:
    """One server with one store: its cells side by side, and what did not run there."""

    server: str
    store: str
    cells: list[CellInGrid] = field(default_factory=list)
    excluded: list[tuple[str, str]] = field(default_factory=list)
    """(label, reason)"""
    unselected: list[tuple[str, str]] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        return sum(cell.count(outcome) for cell in self.cells)

    @property
    def seconds(self) -> float:
        return sum(cell.cell.seconds for cell in self.cells)

    @property
    def state(self) -> State | str:
        """Also "not selected" and "excluded", where nothing ran."""
        if self.cells:
            return whole(test for cell in self.cells for test in cell.tests)
        return "not selected" if self.unselected or not self.excluded else "excluded"


@dataclass
class TestRow:
    """One test of a promise over all cells."""

    __test__ = False

    title: str
    runs: list[tuple[TestResult, Outcome]] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        return sum(said == outcome for _, said in self.runs)

    @property
    def failed(self) -> list[TestResult]:
        return [test for test, said in self.runs if said == "failed"]

    @property
    def seconds(self) -> tuple[float, float]:
        """Of the fastest and the slowest cell in which it ran."""
        times = [test.seconds for test, said in self.runs if said != "not applicable"]
        return (min(times), max(times)) if times else (0.0, 0.0)


class Grid:
    def __init__(self, results: Results) -> None:
        self.results = results
        self.cells = {cell.id: CellInGrid(cell) for cell in results.cells}
        for test in results.tests:
            cell = self.cells[test.cell]
            cell.tests.append(test)
            for name, outcome in test.promises.items():
                cell.said.setdefault(id_of(name), []).append((test, outcome))

    @cached_property
    def servers(self) -> Sequence[str]:
        """Those with a cell, in the order of matrix.yml."""
        return list(dict.fromkeys(cell.server for cell in self.results.cells))

    @cached_property
    def stores(self) -> Sequence[str]:
        return list(dict.fromkeys(cell.store for cell in self.results.cells))

    @property
    def idle(self) -> list[str]:
        """Servers and stores on which nothing ran: rows and columns that would be empty."""
        known = set(self.servers) | set(self.stores)
        places = [(server, store) for choice in self.results.choices for server, store, _ in choice.cells]
        names = [server for server, _ in places] + [store for _, store in places]
        return [name for name in dict.fromkeys(names) if name not in known]

    @cached_property
    def squares(self) -> dict[tuple[str, str], Square]:
        found = {(server, store): Square(server, store) for server in self.servers for store in self.stores}
        for one in self.cells.values():
            found[one.cell.server, one.cell.store].cells.append(one)
        for choice in self.choices("excluded", "not selected"):
            for server, store, label in choice.cells:
                square = found.get((server, store), Square(server, store))
                (square.excluded if choice.kind == "excluded" else square.unselected).append(
                    (label, choice.reason)
                )
        return found

    def tests(self, promise: str) -> list[TestRow]:
        rows: dict[str, TestRow] = {}
        for one in self.cells.values():
            for test, outcome in one.said.get(promise, ()):
                rows.setdefault(test.title, TestRow(test.title)).runs.append((test, outcome))
        return list(rows.values())

    def choices(self, *kinds: Kind) -> list[Choice]:
        return [choice for kind in kinds for choice in self.results.choices if choice.kind == kind]

    def broken(self) -> dict[str, list[str]]:
        """Promise → the cells in which it failed."""
        found = {
            promise: [name for name, one in self.cells.items() if one.of(promise) == "failed"]
            for promise in self.results.promises
        }
        return {promise: cells for promise, cells in found.items() if cells}
