"""Which folder of the project may import which, and the same for the folders of e2e/. Nowhere is a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FOLDERS: dict[str, str] = {
    "tests": "sessions services",
    "harness_tests": "sessions services reference_server torture scale peer_suites e2e tests",
    "bench": "sessions",
    "docs": "",
    "peer_suites": "sessions",
    "e2e": "sessions services reference_server",
    "torture": "sessions services",
    "scale": "sessions services",
    "reference_server": "sessions",
    "services": "",
    "sessions": "",
}
"""Folder → those that it may import. The tests of the library run from its source distribution, which has
`sessions`, `services` and `tests`."""

PARTS: dict[str, str] = {
    "conftest": "plugin targets judge browser server report matrix promises",
    "tests": "targets browser server report matrix promises",
    "plugin": "targets judge browser report matrix promises",
    "targets": "judge server matrix",
    "judge": "server report matrix promises",
    "browser": "server matrix apt",
    "server": "matrix apt",
    "report": "matrix promises",
    "demo": "matrix",
    "matrix": "promises",
    "promises": "",
    "apt": "",
}
"""File or folder of e2e/ → those that it may import."""

SHARED = {"support", "interleaving", "type_checkers", "stores"}
"""Helpers of tests/ that harness_tests/ import by their plain names."""


def imported(source: str) -> Iterator[str]:
    """The modules that a source imports, wherever in it: in functions and for types too.

    A relative import stays in its folder, and is left out.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources(folder: str) -> dict[Path, str]:
    skipped = {"node_modules", ".venv"}
    files = [path for path in sorted((ROOT / folder).rglob("*.py")) if not skipped & set(path.parts)]
    return {path: path.read_text("utf-8") for path in files}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    allowed = {folder, *FOLDERS[folder].split()}
    for path, source in sources(folder).items():
        tops = {name.partition(".")[0] for name in imported(source)}
        tops = {"tests" if top in SHARED else top for top in tops}
        assert tops & FOLDERS.keys() <= allowed, path.relative_to(ROOT)


def test_every_folder_with_code_is_listed() -> None:
    assert {path.parent.name for path in ROOT.glob("*/*.py")} == FOLDERS.keys()


E2E = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): source
    for path, source in sources("e2e").items()
}


def part_of(module: str) -> str:
    """`e2e.matrix.selection` → `matrix`"""
    return module.split(".")[1]


def modules(names: Iterator[str], known: Mapping[str, str]) -> set[str]:
    """The modules of e2e/ among the names; a name of something in a module stands for the module."""
    found = set()
    for name in names:
        parts = name.split(".")
        for length in range(len(parts), 1, -1):
            if (module := ".".join(parts[:length])) in known:
                found.add(module)
                break
    return found


IMPORTS = {module: modules(imported(source), E2E) - {module} for module, source in E2E.items()}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_e2e_imports_only_what_it_may(part: str) -> None:
    allowed = {part, *PARTS[part].split()}
    mine = [module for module in E2E if module != "e2e" and part_of(module) == part]
    assert mine
    for module in mine:
        assert set(map(part_of, IMPORTS[module])) <= allowed, module


def test_every_file_of_e2e_is_in_a_part() -> None:
    assert {part_of(module) for module in E2E if module != "e2e"} == PARTS.keys()


def test_no_file_of_e2e_imports_by_a_relative_name() -> None:
    for module, source in E2E.items():
        froms = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom))
        assert not any(node.level for node in froms), module


def test_there_is_no_circle() -> None:
    order = list(TopologicalSorter(IMPORTS).static_order())  # raises CycleError
    assert order.index("e2e.matrix.matrix") < order.index("e2e.report.results") < order.index("e2e.conftest")
    parts = {part: set(allowed.split()) for part, allowed in PARTS.items()}
    assert list(TopologicalSorter(parts).static_order())


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import e2e.apt\nfrom e2e.matrix import github_jobs\n"
    source += "def f():\n    from e2e.promises import core\n"
    assert modules(imported(source), E2E) == {"e2e.apt", "e2e.matrix.github_jobs", "e2e.promises"}
