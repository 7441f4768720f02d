"""What a run found out, as plain data: e2e/plugin/collector.py collects it, the other files here show it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from e2e.matrix.explanation import Choice
from e2e.matrix.matrix import Cell, Extent
from e2e.promises import id_of

FORMAT = 4
FOLDER = Path("e2e-report")

Outcome = Literal["passed", "failed", "not applicable", "known break"]
State = Literal["passed", "failed", "not applicable", "partly", "known break", "broken in part", "not run"]
"""Of one promise in one cell; "partly": passed, with an aspect that is not applicable.

A "known break" is declared with its reason, and was seen to be one; "broken in part" means that other tests
of the promise passed.
"""


@dataclass
class TestResult:
    """One test in one cell. `promises` holds the outcome for each promise or aspect that it names."""

    __test__ = False  # not a test class, whatever its name

    cell: str
    name: str
    file: str
    promises: dict[str, Outcome]
    reasons: dict[str, str]
    outcome: Outcome = "passed"
    seconds: float = 0.0
    failure: str = ""
    artifacts: list[tuple[str, str]] = field(default_factory=list)
    """(kind, path relative to the report's folder)"""
    breaks: dict[str, str] = field(default_factory=dict[str, str])
    """Promise → why it is known to be broken"""

    @property
    def title(self) -> str:
        return self.name.removeprefix("test_").replace("_", " ")

    @property
    def anchor(self) -> str:
        return f"{self.cell}--{self.name}"


@dataclass
class CellResult:
    id: str
    server: str
    store: str
    browser: str
    seconds: float = 0.0
    mode: str = "http"
    tests: Extent = "all"

    @property
    def label(self) -> str:
        return Cell(self.server, self.store, self.browser, self.mode).label


@dataclass
class Results:
    """Times are in seconds; `started` is ISO 8601 in UTC."""

    started: str
    seconds: float
    workers: int
    versions: dict[str, str]
    promises: dict[str, str]
    """Id → sentence, of every promise that a test of this run names"""
    cells: list[CellResult]
    tests: list[TestResult]
    errors: list[str] = field(default_factory=list)
    """What went wrong outside of any test"""
    selection: str = ""
    """How the cells were chosen"""
    choices: list[Choice] = field(default_factory=list)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Cell → what was measured there that is not ours: product, command, versions"""
    expected: int = 0
    """So many tests were to run; fewer have if the run was stopped"""
    narrowed: str = ""
    """What of the cells' tests was asked for, if not all of them"""

    def of(self, cell: str, promise: str) -> Iterator[tuple[TestResult, Outcome]]:
        """The tests of a promise in a cell, with what each says of it."""
        for test in self.tests:
            if test.cell == cell:
                for name, outcome in test.promises.items():
                    if id_of(name) == promise:
                        yield test, outcome

    def state(self, cell: str, promise: str) -> State:
        return state_of(outcome for _, outcome in self.of(cell, promise))

    def reasons(self, promise: str) -> dict[str, list[str]]:
        """Reason → the cells in which (an aspect of) the promise is not applicable because of it."""
        return _cells_by_reason(
            (f"{name.partition(':')[2].strip().capitalize()}: {reason}" if ":" in name else reason, test.cell)
            for test in self.tests
            for name, reason in test.reasons.items()
            if id_of(name) == promise
        )

    def breaks(self, promise: str) -> dict[str, list[str]]:
        """Reason → the cells in which the promise is broken because of it."""
        return _cells_by_reason(
            (reason, test.cell)
            for test in self.tests
            for name, reason in test.breaks.items()
            if id_of(name) == promise
        )

    def count(self, outcome: Outcome) -> int:
        return sum(test.outcome == outcome for test in self.tests)

    @property
    def ran(self) -> int:
        """Browser tests that were really run."""
        return len(self.tests) - self.count("not applicable")

    @property
    def seconds_a_test(self) -> float:
        """Wall time per browser test."""
        return self.seconds / self.ran if self.ran else 0.0

    @property
    def failures(self) -> list[TestResult]:
        return [test for test in self.tests if test.outcome == "failed"]

    @property
    def green(self) -> bool:
        """Whether something ran to its end and nothing failed."""
        return bool(self.ran) and not self.failures and not self.errors and not self.stopped

    @property
    def stopped(self) -> bool:
        """Whether the run ended before all its tests had."""
        return len(self.tests) < self.expected

    @property
    def verdict(self) -> str:
        """The run in one sentence. Every promise holds only where all tests of its cells have said so."""
        if self.failures or self.errors:
            return "Not every promise holds"
        if self.stopped:
            return f"Stopped after {len(self.tests)} of {self.expected} tests"
        if not self.ran:
            return "No test ran"
        if self.narrowed:
            return f"{_tests(self.ran)} passed; the others were not asked"
        return "Every promise holds"

    def slowest(self, number: int = 10) -> list[TestResult]:
        return sorted(self.tests, key=lambda test: -test.seconds)[:number]

    def save(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")

    @classmethod
    def load(cls, file: Path) -> Self:
        """Raises OSError when there is no such file, ValueError when it is of another format."""
        data: dict[str, Any] = json.loads(file.read_text())
        if data.pop("format", None) != FORMAT:
            raise ValueError(f"{file} is not a results file of format {FORMAT}")
        cells = [CellResult(**cell) for cell in data.pop("cells")]
        tests = [TestResult(**test) for test in data.pop("tests")]
        choices = [Choice(**choice) for choice in data.pop("choices")]
        for test in tests:
            test.artifacts = [(kind, path) for kind, path in test.artifacts]
        for choice in choices:
            choice.cells = [(server, store, name) for server, store, name in choice.cells]
        return cls(cells=cells, tests=tests, choices=choices, **data)


def _cells_by_reason(found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Each cell once, in the order found."""
    cells: dict[str, list[str]] = {}
    for reason, cell in dict.fromkeys(found):
        cells.setdefault(reason, []).append(cell)
    return cells


def _tests(number: int) -> str:
    return "1 test" if number == 1 else f"{number} tests"


def state_of(outcomes: Iterable[Outcome]) -> State:
    """Of several outcomes the one to show for them all."""
    found = set(outcomes)
    if "failed" in found:
        return "failed"
    if "known break" in found:
        return "broken in part" if "passed" in found else "known break"
    if "passed" in found:
        return "partly" if "not applicable" in found else "passed"
    return "not applicable" if found else "not run"


def in_order(names: Iterable[str], order: Iterable[str]) -> list[str]:
    """`names` as `order` has them, those it does not know at the end by name."""
    places = {name: place for place, name in enumerate(order)}
    return sorted(set(names), key=lambda name: (places.get(name, len(places)), name))
