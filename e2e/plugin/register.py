"""Which parts of the plugin run where: at the tests, and once where the tests are handed out."""

import sys
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from e2e.matrix.matrix import Matrix
from e2e.matrix.selection import Selection
from e2e.plugin.choosing_tests import ChoosingTests
from e2e.plugin.collector import Collector
from e2e.plugin.items import CELLS
from e2e.plugin.known_breaks import KnownBreaks
from e2e.plugin.not_applicable import NotApplicable
from e2e.plugin.progress import CellProgress
from e2e.plugin.scheduling import Scheduling
from e2e.plugin.server_log import ServerLog
from e2e.plugin.services import Services
from e2e.plugin.terminal import Summary

WIDTH = 120
"""Columns of the report where no terminal says how wide it is."""


def register(
    config: pytest.Config, matrix: Matrix, selection: Selection, targets: Mapping[str, dict[str, Any]]
) -> None:
    """`targets` describes those cells that are not ours, by their id."""
    cells = selection.cells
    config.stash[CELLS] = {cell.id: cell for cell in cells}
    plugins: list[object] = [
        ServerLog(),
        KnownBreaks(matrix),
        NotApplicable(matrix),
        ChoosingTests(matrix, cells),
    ]
    if not hasattr(config, "workerinput"):
        width = None if sys.stdout.isatty() else WIDTH
        console = Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)
        collector = Collector(config, matrix, selection, targets)
        plugins += [
            Services(config, {matrix.stores[cell.store] for cell in cells}),
            collector,
            Scheduling(cells),
            CellProgress(collector, cells, console),
            Summary(collector, console, judged=bool(config.option.url)),
        ]
    for plugin in plugins:
        config.pluginmanager.register(plugin, f"matrix-{type(plugin).__name__}")
