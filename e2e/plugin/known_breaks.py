"""What targets.yml says that a library breaks: such a test has to fail, and is told when it no longer does.

Runs where the tests run.
"""

from collections.abc import Iterable

import playwright.sync_api
import pytest

from e2e.matrix.matrix import Cell, Matrix
from e2e.plugin.items import LIMITS, cell_of, name_of, promises_of

SHOWS_A_BREAK = (AssertionError, playwright.sync_api.Error, TimeoutError, LookupError, ValueError)
"""What a test raises when a promise does not hold; a server that does not start is another matter."""


class KnownBreaks:
    def __init__(self, matrix: Matrix) -> None:
        self._matrix = matrix

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """After `NotApplicable`: what is not applicable breaks nothing."""
        for item in items:
            breaks = self._expect(item, cell_of(item), promises_of(item))
            item.user_properties.append(("known breaks", breaks))

    def _expect(self, item: pytest.Item, cell: Cell, named: Iterable[str]) -> dict[str, str]:
        """Promise → reason of the breaks that the test must show."""
        rules = {name: self._matrix.known_break(cell, name, name_of(item)) for name in named}
        breaks = {
            name: rule.reason for name, rule in rules.items() if rule and name not in item.stash[LIMITS]
        }
        if breaks:
            reason = "; ".join(dict.fromkeys(breaks.values()))
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason, raises=SHOWS_A_BREAK))
        return breaks
