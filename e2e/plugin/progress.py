"""Show how far a run is: a line for each cell that is done and each test that failed, and a bar below."""

from collections import Counter
from collections.abc import Collection

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from e2e.matrix.matrix import Cell
from e2e.plugin.collector import Collector
from e2e.plugin.items import cell_in
from e2e.report.results import TestResult


class CellProgress:
    """Reads what the collector has collected. Draws only when a test is over, as pytest captures the output
    in between."""

    def __init__(self, collector: Collector, cells: Collection[Cell], console: Console) -> None:
        self._collector = collector
        self._cells = cells
        self._console = console
        self._expected: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        # Elsewhere than on a terminal a bar would be lines and lines.
        self._bar = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}"),
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        # No letters: the lines below say more. The categories end up in pytest's own last line.
        if hasattr(report, "wasxfail"):
            return "known break", "", ""
        if report.skipped:
            return "not applicable", "", ""
        if report.failed:
            return "failed", "", ""
        return ("passed" if report.when == "call" else ""), "", ""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown" and (test := self._collector.tests.get(report.nodeid)):
            self._show(test)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        self._bar.stop()

    def _show(self, test: TestResult) -> None:
        if not self._expected:
            self._expected.update(cell_in(nodeid, self._cells) for nodeid in self._collector.order)
            self._bar.start()
        self._done[test.cell] += 1
        if test.outcome == "failed":
            self._say(Text(f"✗ {test.cell}: {test.title}", "red"))
        if self._done[test.cell] == self._expected[test.cell]:
            self._say(self._cell_is_done(test.cell))
        self._bar.update(
            self._task,
            completed=self._done.total(),
            total=self._expected.total(),
            description=test.cell,
            refresh=True,
        )

    def _cell_is_done(self, cell: str) -> Text:
        mine = [test for test in self._collector.tests.values() if test.cell == cell]
        counts = Counter(test.outcome for test in mine)
        finished = sum(self._done[name] == total for name, total in self._expected.items())
        numbers = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items(), reverse=True))
        seconds = sum(test.seconds for test in mine)
        return Text.assemble(
            ("✗", "red") if counts["failed"] else ("✓", "green"),
            f" {cell:<26} {finished:>2}/{len(self._expected)}  {seconds:5.1f} s  {numbers}",
        )

    def _say(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)
