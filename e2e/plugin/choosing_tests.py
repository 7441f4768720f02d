"""Which of the collected tests run: those that matrix.yml selects of each cell, and of these --promise's.

Runs where the tests run. Checks too that tests and matrix.yml speak of the same promises.
"""

from collections.abc import Mapping, Sequence

import pytest

from e2e.matrix.matrix import Cell, Extent, Matrix
from e2e.matrix.selection import is_selected
from e2e.plugin.items import USAGE_ERROR, cell_of, core_of, name_of, promises_of, test_of
from e2e.promises import id_of, promise_named, sentences


class ChoosingTests:
    def __init__(self, matrix: Matrix, cells: Mapping[Cell, Extent]) -> None:
        self._matrix = matrix
        self._cells = cells

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        try:
            self._choose(config, items)
        except pytest.UsageError as error:
            if not hasattr(config, "workerinput"):
                raise
            config.workeroutput[USAGE_ERROR] = str(error)  # type: ignore[attr-defined]
            items.clear()

    def _choose(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self._check_names(items)
        used = {name for item in items for promise in promises_of(item) for name in (promise, id_of(promise))}
        core = core_of(items)
        items[:] = [
            item
            for item in items
            if is_selected(
                test_of(item),
                cell := cell_of(item),
                self._cells[cell],
                core,
                self._matrix.share_of_core(cell),
            )
        ]
        chosen = list(items)
        wanted = frozenset(map(promise_named, config.option.promise))
        items[:] = [item for item in items if not wanted or wanted & set(map(id_of, promises_of(item)))]
        if is_of_all_tests(config):
            self._check_declarations(used)
            if set(self._cells) == set(self._matrix.cells):
                self._check_rules(chosen)

    def _check_names(self, items: Sequence[pytest.Item]) -> None:
        known = sentences()
        for item in items:
            named = promises_of(item)
            if not named:
                raise pytest.UsageError(f"{item.nodeid} names no promise")
            if unknown := [name for name in named if known and id_of(name) not in known]:
                raise pytest.UsageError(f"{item.nodeid} names {', '.join(unknown)}, which no promise is")

    def _check_declarations(self, used: set[str]) -> None:
        for rule in self._matrix.not_applicable:
            if unused := sorted(set(rule.promises) - used):
                names = ", ".join(unused)
                raise pytest.UsageError(f"matrix.yml declares {names} not applicable, but no test names it")

    def _check_rules(self, items: Sequence[pytest.Item]) -> None:
        """A line about tests or cells that are no more would go unnoticed."""
        rules = [*self._matrix.broken, *(rule for rule in self._matrix.not_applicable if rule.tests)]
        tests = [(cell_of(item), name, name_of(item)) for item in items for name in promises_of(item)]
        for rule in rules:
            if not any(rule.covers(cell, name, test) for cell, name, test in tests):
                names = ", ".join((*rule.promises, *rule.tests))
                raise pytest.UsageError(
                    f"No test in any cell is what this line is about: {names}: {rule.reason}"
                )


def is_of_all_tests(config: pytest.Config) -> bool:
    """Whether pytest was asked for the whole suite, and not for some of its files."""
    return config.args in ([str(config.rootpath)], [config.rootpath.name])
