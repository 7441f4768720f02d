"""What matrix.yml declares not applicable in a cell is not run there. No test may skip itself.

Runs where the tests run; each item learns what is declared once it is chosen.
"""

from collections.abc import Generator

import pytest

from e2e.matrix.matrix import Matrix
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


class NotApplicable:
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
            ]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if declared_not_applicable(item):
            pytest.skip("; ".join(dict.fromkeys(item.stash[LIMITS].values())))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        result = yield
        if result.skipped and not declared_not_applicable(item) and not hasattr(result, "wasxfail"):
            result.outcome = "failed"
            result.longrepr = "A browser test may not skip itself: what cannot hold is declared in matrix.yml"
        item.stash[FAILED] = has_failed(item) or result.failed
        return result
