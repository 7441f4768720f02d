"""Show the report on the terminal at the end of a run."""

import pytest
from rich.console import Console

from e2e.plugin.collector import Collector
from e2e.report.results import FOLDER, Results
from e2e.report.terminal import print_report


class Summary:
    def __init__(self, collector: Collector, console: Console, *, judged: bool) -> None:
        """`judged`: the judge shows the results in its own words."""
        self._collector = collector
        self._console = console
        self._judged = judged

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._collector.usage_error:
            terminalreporter.write_line(f"ERROR: {self._collector.usage_error}", red=True)
        if self._judged or not self._collector.has_results:
            return
        self._console.print()
        print_report(Results.load(FOLDER / "results.json"), self._console)
