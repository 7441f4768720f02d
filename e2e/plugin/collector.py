"""Collect what all workers report of their tests, and write the results and the report at the end.

Runs once, where the tests are handed out.
"""

import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from e2e.browser import install
from e2e.matrix.explanation import choices, in_words, way
from e2e.matrix.matrix import Matrix
from e2e.matrix.selection import Selection
from e2e.plugin.items import USAGE_ERROR
from e2e.plugin.options import narrowed, wanted
from e2e.promises import id_of, sentences
from e2e.report import comparison
from e2e.report.html import write_page
from e2e.report.results import FOLDER, CellResult, Outcome, Results, TestResult, in_order
from e2e.report.versions import versions


class Collector:
    def __init__(
        self,
        config: pytest.Config,
        matrix: Matrix,
        selection: Selection,
        targets: Mapping[str, dict[str, Any]],
    ) -> None:
        """`targets` describes those cells that are not ours, by their id."""
        self.tests: dict[str, TestResult] = {}
        """By the test's id; those that are not over yet, too"""
        self.order: list[str] = []
        """The ids of all tests that are to run"""
        self.errors: list[str] = []
        """What went wrong outside of any test"""
        self.usage_error = ""
        self._config = config
        self._matrix = matrix
        self._selection = selection
        self._targets = targets
        self._finished: set[str] = set()
        self._began = time.monotonic()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    @property
    def has_results(self) -> bool:
        return bool(self.tests or self.errors)

    def pytest_sessionstart(self) -> None:
        if not self._config.option.collectonly:
            shutil.rmtree(FOLDER, ignore_errors=True)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.order = [item.nodeid for item in session.items]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self.order = list(ids)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(f"{report.nodeid}\n{report.longreprtext}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: dict[str, Any] = dict(report.user_properties)
        if "cell" not in properties:
            self.errors.append(f"{report.nodeid}\n{report.longreprtext}")
            return
        test = self.tests.setdefault(report.nodeid, _new_result(report.nodeid, properties))
        test.seconds = round(test.seconds + report.duration, 3)
        if hasattr(report, "wasxfail"):
            test.outcome = "known break"
            test.breaks = dict(properties["known breaks"])
            # What else the test names was not reached, and is left to other tests.
            test.promises = dict.fromkeys(test.breaks, test.outcome)
        elif report.skipped:
            test.outcome = "not applicable"
            test.promises = dict.fromkeys(test.promises, test.outcome)
        elif report.failed:
            test.outcome = "failed"
            for name in test.promises:
                if name not in test.reasons or properties["limits shown"]:
                    test.promises[name] = "failed"
            test.failure += _failure(report)
        if report.when == "teardown":
            test.artifacts += _artifacts(report)
            self._finished.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.usage_error = getattr(node, "workeroutput", {}).get(USAGE_ERROR, self.usage_error)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.usage_error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if self._config.option.collectonly or not self.has_results:
            return
        results = self._results()
        results.save(FOLDER / "results.json")
        write_page(results, FOLDER / "index.html")
        if results.targets:
            comparison.write_page(results, FOLDER / "comparison.html")

    def _results(self) -> Results:
        # A test that was stopped in its middle has not said anything, unless it had failed by then.
        ended = [
            nodeid
            for nodeid, test in self.tests.items()
            if nodeid in self._finished or test.outcome == "failed"
        ]
        tests = [self.tests[nodeid] for nodeid in in_order(ended, self.order)]
        seen = {test.cell for test in tests}
        words = sentences()
        named = in_order({id_of(name) for test in tests for name in test.promises}, words)
        asked, full = wanted(self._config), bool(self._config.option.full)
        cells = self._selection.cells
        return Results(
            started=self._started,
            seconds=round(time.monotonic() - self._began, 1),
            workers=int(self._config.getoption("numprocesses", None) or 1),
            versions=versions(_browsers({cell.browser for cell in cells})),
            promises={name: words.get(name, "") for name in named},
            cells=[
                CellResult(
                    cell.id,
                    cell.server,
                    cell.store,
                    cell.browser,
                    round(sum(test.seconds for test in tests if test.cell == cell.id), 1),
                    cell.mode,
                    extent,
                )
                for cell, extent in cells.items()
                if cell.id in seen
            ],
            tests=tests,
            errors=self.errors,
            selection=", ".join(self._config.option.target) or in_words(asked, full=full),
            targets={name: facts for name, facts in self._targets.items() if name in seen},
            choices=choices(self._matrix, self._selection, seen, way(asked, full=full)),
            expected=len(self.order),
            narrowed=narrowed(self._config),
        )


def _new_result(nodeid: str, properties: dict[str, Any]) -> TestResult:
    reasons = dict(properties["not applicable"])
    outcomes: dict[str, Outcome] = {
        name: "not applicable" if name in reasons else "passed" for name in properties["promises"]
    }
    file, _, name = nodeid.partition("::")
    name = name.replace(properties["cell"], "").replace("[]", "")
    return TestResult(properties["cell"], name, file, outcomes, reasons)


def _failure(report: pytest.TestReport) -> str:
    sections = (f"\n\n--- {title} ---\n{text}" for title, text in report.sections if text.strip())
    return f"{report.when}\n{report.longreprtext}{''.join(sections)}\n"


def _artifacts(report: pytest.TestReport) -> list[tuple[str, str]]:
    return [
        (name.removeprefix("playwright_"), os.path.relpath(str(path), FOLDER))
        for name, path in report.user_properties
        if name.startswith("playwright_")
    ]


def _browsers(names: Iterable[str]) -> dict[str, str]:
    """Name → version of those that this machine has."""
    found = {}
    for name in sorted(names):
        try:
            found[name] = install.find(name).version
        except install.BrowserMissing:
            continue
    return found
