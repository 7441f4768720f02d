"""What a run found out, as plain data: collected by e2e.reporter, read by e2e.report."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from e2e.promises import id_of

FORMAT = 1
FOLDER = Path("e2e-report")

Outcome = Literal["passed", "failed", "not applicable", "known break"]
State = Literal["passed", "failed", "not applicable", "partly", "broken", "broken in part", "not run"]
"""Of one promise in one cell; "partly": passed, with an aspect that is not applicable.

"broken" is a known break: declared with its reason, and seen to be one. "broken in part" means that other
tests of the promise passed.
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
    breaks: dict[str, str] = field(default_factory=dict)
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
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Cell → what was measured there that is not ours: title, command and versions"""

    def of(self, cell: str, promise: str) -> Iterator[tuple[TestResult, Outcome]]:
        """The tests of a promise in a cell, with what each says of it."""
        for test in self.tests:
            if test.cell == cell:
                for name, outcome in test.promises.items():
                    if id_of(name) == promise:
                        yield test, outcome

    def by_title(self, promise: str) -> dict[str, dict[str, list[tuple[TestResult, Outcome]]]]:
        """Test title → cell → what the test says of the promise there."""
        found: dict[str, dict[str, list[tuple[TestResult, Outcome]]]] = {}
        for cell in self.cells:
            for test, outcome in self.of(cell.id, promise):
                found.setdefault(test.title, {}).setdefault(cell.id, []).append((test, outcome))
        return found

    def state(self, cell: str, promise: str) -> State:
        outcomes = {outcome for _, outcome in self.of(cell, promise)}
        if "failed" in outcomes:
            return "failed"
        if "known break" in outcomes:
            return "broken in part" if "passed" in outcomes else "broken"
        if "passed" in outcomes:
            return "partly" if "not applicable" in outcomes else "passed"
        return "not applicable" if outcomes else "not run"

    def reasons(self, promise: str) -> dict[str, list[str]]:
        """Reason → the cells in which (an aspect of) the promise is not applicable because of it."""
        found: dict[str, list[str]] = {}
        for test in self.tests:
            for name, reason in test.reasons.items():
                if id_of(name) == promise:
                    text = (
                        f"{name.partition(':')[2].strip().capitalize()}: {reason}" if ":" in name else reason
                    )
                    cells = found.setdefault(text, [])
                    if test.cell not in cells:
                        cells.append(test.cell)
        return found

    def breaks(self, promise: str) -> dict[str, list[str]]:
        """Reason → the cells in which the promise is broken because of it."""
        found: dict[str, list[str]] = {}
        for test in self.tests:
            for name, reason in test.breaks.items():
                if id_of(name) == promise and test.promises.get(name) == "known break":
                    cells = found.setdefault(reason, [])
                    if test.cell not in cells:
                        cells.append(test.cell)
        return found

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
        return bool(self.ran) and not self.failures and not self.errors

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
        for test in tests:
            test.artifacts = [(kind, path) for kind, path in test.artifacts]
        return cls(cells=cells, tests=tests, **data)


def in_order(names: Iterable[str], order: Iterable[str]) -> list[str]:
    """`names` as `order` has them, those it does not know at the end by name."""
    places = {name: place for place, name in enumerate(order)}
    return sorted(set(names), key=lambda name: (places.get(name, len(places)), name))
