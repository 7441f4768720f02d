"""A pytest plugin that holds a run against the list of deliberate differences, in both directions.

A test that fails without being listed fails the run. So does a listed test that passes, or fails for another
cause, an entry that no test answers to, a test that two entries claim, and a test that is skipped: nobody
knows what it would have said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from peer_suites.differences import Difference, find


class Strict:
    """Registered for one run, with the list that it is held against.

    A listed test is an `xfail` of pytest's. Whether it failed is judged here: pytest's own `strict` takes a
    test that failed in one of its subtests for one that passed.
    """

    def __init__(self, differences: Sequence[Difference]) -> None:
        self._differences = differences
        self._unanswered = set(differences)
        self._listed: dict[str, Difference] = {}
        self._twice: list[str] = []
        self._passed: set[str] = set()
        self._different: set[str] = set()
        self._failed: dict[str, str] = {}
        self._whole = True

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        peer = item.path.stem.removeprefix("test_")
        found = find(self._differences, peer, item.nodeid.partition("::")[2])
        self._unanswered.difference_update(found)
        if len(found) > 1:
            self._twice.append(item.nodeid)
        if found:
            self._listed[item.nodeid] = found[0]
            item.add_marker(pytest.mark.xfail(reason=found[0].reason, strict=False))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # Whoever names one file or test has not asked whether the others exist.
        config = session.config
        folder = config.invocation_params.dir
        self._whole = all((folder / argument).resolve() == config.rootpath for argument in config.args)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = report.nodeid
        if report.failed:
            self._failed[test] = "failed, and is not on the list"
        elif report.skipped and hasattr(report, "wasxfail"):
            error = self._listed[test].error
            if report.when != "call":
                self._failed[test] = f"failed in its {report.when}, which no entry is about"
            elif error not in _message(report):
                self._failed[test] = (
                    f"fails for another cause than the list says: its error is without {error!r}"
                )
            else:
                self._different.add(test)
        elif report.skipped:
            self._failed[test] = "was skipped"
        elif report.when == "call":
            self._passed.add(test)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._surprises() and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("the peers' own tests")
        different = self._different - set(self._failed)
        reasons = Counter((self._listed[test].peer, self._listed[test].reason) for test in sorted(different))
        for (peer, reason), count in reasons.items():
            terminalreporter.write_line(f"{peer}, {count} tests: {reason}")
        surprises = self._surprises()
        for test, fault in surprises:
            terminalreporter.write_line(f"{test}: {fault}", red=True)
        passed = self._passed - set(self._listed) - set(self._failed)
        terminalreporter.write_line(
            f"{len(passed)} passed, {len(different)} deliberate differences, {len(surprises)} failed"
        )

    def _surprises(self) -> list[tuple[str, str]]:
        disappeared = (self._passed & set(self._listed)) - self._different - set(self._failed)
        unanswered = [entry for entry in self._differences if self._whole and entry in self._unanswered]
        return [
            *self._failed.items(),
            *[
                (test, "this difference has disappeared: take it off the list")
                for test in sorted(disappeared)
            ],
            *[(test, "two entries of the list claim it") for test in self._twice],
            *[
                (f"{entry.peer}: {entry.test}", "is on the list, but there is no such test")
                for entry in unanswered
            ],
        ]


def _message(report: pytest.TestReport) -> str:
    """The exception that ended the test: its class and text, without the lines of code that led there."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message if crash else report.longreprtext
