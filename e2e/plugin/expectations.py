"""What cannot hold in a test's cell, and what is known to break there. No test may skip itself.

Runs where the tests run. matrix.yml and targets.yml declare both; each item learns it once it is chosen.
"""

from collections.abc import Generator, Iterable
from typing import Any

import playwright.sync_api
import pytest

from e2e.matrix.matrix import Cell, Matrix
from e2e.plugin.items import (
    FAILED,
    LIMITS,
    SHOWN,
    cell_of,
    declared_not_applicable,
    has_failed,
    name_of,
    promises_of,
)

LOG_OFFSET = pytest.StashKey[int]()
"""Of an item: how long the server's log was before it."""

SHOWS_A_BREAK = (AssertionError, playwright.sync_api.Error, TimeoutError, LookupError, ValueError)
"""What a test raises when a promise does not hold; a server that does not start is another matter."""


class Expectations:
    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            cell, named, test = cell_of(item), promises_of(item), name_of(item)
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

    def _expect_breaks(self, item: pytest.Item, cell: Cell, named: Iterable[str]) -> dict[str, str]:
        """Promise → reason of the breaks that the test must show; it fails when it no longer does."""
        rules = {name: self._matrix.known_break(cell, name, name_of(item)) for name in named}
        breaks = {
            name: rule.reason for name, rule in rules.items() if rule and name not in item.stash[LIMITS]
        }
        if breaks:
            reason = "; ".join(dict.fromkeys(breaks.values()))
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason, raises=SHOWS_A_BREAK))
        return breaks

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
