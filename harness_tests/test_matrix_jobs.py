"""The jobs of the CI workflow cover the matrix, and the report tells what a run leaves out of it."""

import json
import subprocess
import sys
from typing import Any

import pytest

from e2e.matrix.explanation import choices, in_words
from e2e.matrix.github_jobs import jobs
from e2e.matrix.matrix import Cell, Matrix
from e2e.matrix.selection import Selection

AXES: dict[str, Any] = {
    "servers": ["uvicorn", "granian"],
    "stores": {"memory": "memory:", "cookie": "cookie:"},
    "browsers": ["chromium", "firefox"],
    "exclude": [{"server": "granian", "browser": "firefox", "reason": "It cannot."}],
    "selection": [{"store": "memory", "browser": "chromium", "tests": "core", "reason": "The quick ones."}],
}


@pytest.fixture
def matrix() -> Matrix:
    return Matrix.parse(AXES)


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_each_cell_is_in_exactly_one_job(limit: int) -> None:
    declared = Matrix.load()
    done = [
        cell
        for job in jobs(declared, limit)
        for cell in declared.select([job.server], (), job.browser.split())
    ]
    assert sorted(cell.id for cell in done) == sorted(cell.id for cell in declared.cells)
    assert sum(job.cells for job in jobs(declared, limit)) == len(done)


def test_browsers_share_a_job_up_to_the_limit(matrix: Matrix) -> None:
    assert [job.name for job in jobs(matrix, 4)] == ["uvicorn: chromium, firefox", "granian: chromium"]
    assert [job.name for job in jobs(matrix, 3)] == [
        "uvicorn: chromium",
        "uvicorn: firefox",
        "granian: chromium",
    ]


def test_the_command_line_prints_what_the_workflow_reads() -> None:
    command = [sys.executable, "-m", "e2e.matrix", "--github"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.count("\n") == 1  # a line of $GITHUB_OUTPUT
    first = json.loads(said)["include"][0]
    assert {"name", "server", "browser"} <= first.keys()


def test_every_combination_ran_or_has_a_reason(matrix: Matrix) -> None:
    ran = [cell.id for cell in matrix.default]
    told = choices(matrix, Selection(matrix.default), ran, "default")
    assert sum(len(choice.cells) for choice in told) == 8
    assert {(choice.kind, choice.reason): len(choice.cells) for choice in told} == {
        ("core", "The quick ones."): 2,
        ("excluded", "It cannot."): 2,
        ("not selected", "Not in the default selection of matrix.yml; `make e2e-full` runs every cell."): 4,
    }


def test_a_cell_that_the_machine_cannot_run_is_told(matrix: Matrix) -> None:
    missing = Cell("uvicorn", "memory", "firefox")
    cells = [cell for cell in matrix.cells if cell != missing]
    selection = Selection(dict.fromkeys(cells, "all"), {missing: "No firefox."})
    told = choices(matrix, selection, [cell.id for cell in cells], "full")
    assert ("not selected", "No firefox.", [("uvicorn", "memory", "firefox")]) in [
        (choice.kind, choice.reason, choice.cells) for choice in told
    ]


def test_a_chosen_cell_in_which_nothing_ran_is_told(matrix: Matrix) -> None:
    idle, *others = matrix.cells
    selection = Selection(dict.fromkeys(matrix.cells, "all"))
    told = choices(matrix, selection, [cell.id for cell in others], "full")
    reasons = {choice.reason: choice.cells for choice in told if choice.kind == "not selected"}
    assert reasons == {
        "Chosen, but none of the tests that were asked for ran in it.": [
            (idle.server, idle.store, idle.browser)
        ]
    }


def test_the_selection_in_words() -> None:
    nothing: dict[str, list[str]] = {"server": [], "store": []}
    assert in_words(nothing, full=False) == "the default selection of matrix.yml"
    assert in_words(nothing, full=True) == "the full matrix"
    assert in_words({"server": ["granian"], "store": ["redis", "sqlite"]}, full=False) == (
        "asked for by name: server granian, store redis or sqlite"
    )
