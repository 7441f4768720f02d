"""Hand out the tests to the workers of xdist cell by cell, so that each cell's server starts once."""

from collections.abc import Collection
from typing import Any

import pytest

from e2e.matrix.matrix import Cell
from e2e.plugin.items import cell_in


class Scheduling:
    def __init__(self, cells: Collection[Cell]) -> None:
        self._cells = cells

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # noqa: PLC0415

        cells = self._cells

        class CellScheduling(LoadScopeScheduling):  # type: ignore[misc]
            """A cell goes to one worker as a whole.

            (`--dist=loadgroup` is meant for this, but xdist 3.8 does not group under pytest 9.2.)
            """

            def _split_scope(self, nodeid: str) -> str:
                return cell_in(nodeid, cells)

        return CellScheduling(config, log)
