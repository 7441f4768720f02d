"""The page that puts other libraries beside ours says what a run's results file says."""

from pathlib import Path

import pytest

from e2e.comparison import columns, main, markdown, write_page
from e2e.results import CellResult, Outcome, Results, TestResult
from e2e.targets.plan import Plan


def result(
    cell: str,
    name: str,
    promises: dict[str, Outcome],
    *,
    reasons: dict[str, str] | None = None,
    breaks: dict[str, str] | None = None,
) -> TestResult:
    (outcome,) = set(promises.values())
    return TestResult(
        cell, name, "tests/test_x.py", promises, reasons or {}, outcome=outcome, breaks=breaks or {}
    )


@pytest.fixture
def results() -> Results:
    """The same library on two runtimes, which agree, then a cell of ours."""
    on = {"their-node-memory": "Node", "their-bun-memory": "Bun"}
    cells = [
        CellResult(f"{name}-chromium", name.removesuffix("-memory"), "memory", "chromium") for name in on
    ]
    ours = CellResult("uvicorn-memory-chromium", "uvicorn", "memory", "chromium")
    tests = [
        *(
            test
            for cell in cells
            for test in (
                result(cell.id, "test_old_id", {"ROT-1": "known break"}, breaks={"ROT-1": "It lives on."}),
                result(cell.id, "test_new_id", {"ROT-1": "passed"}),
                result(cell.id, "test_late", {"SAVE-3": "not applicable"}, reasons={"SAVE-3": "No streams."}),
                result(cell.id, "test_login", {"SEAL-2: shared session": "passed"}),
            )
        ),
        result(ours.id, "test_old_id", {"ROT-1": "passed"}),
        result(ours.id, "test_late", {"SAVE-3": "passed"}),
    ]
    facts = {"product": "theirs", "store": "TheirStore", "folder": "e2e", "command": "run <it>"}
    return Results(
        started="2030-01-01T00:00:00+00:00",
        seconds=8.0,
        workers=1,
        versions={"chromium": "Chromium 1"},
        promises={"ROT-1": "A new <id>.", "SAVE-3": "Nothing is dropped.", "SEAL-2": "A shared record."},
        cells=[*cells, ours],
        tests=tests,
        targets={
            f"{name}-chromium": {**facts, "platform": platform, "versions": {"theirs": "0.1"}}
            for name, platform in on.items()
        },
    )


def test_ours_come_first_and_runtimes_that_agree_are_one_column(results: Results) -> None:
    assert [(column.title, column.platforms) for column in columns(results)] == [
        ("sessions, memory", ("uvicorn",)),
        ("theirs, TheirStore", ("Node", "Bun")),
    ]


def test_a_runtime_that_differs_is_a_column_of_its_own(results: Results) -> None:
    results.tests = [
        test
        for test in results.tests
        if (test.cell, test.name) != ("their-bun-memory-chromium", "test_old_id")
    ]
    assert [column.platforms for column in columns(results)] == [("uvicorn",), ("Node",), ("Bun",)]


def test_the_page_in_markdown(results: Results) -> None:
    lines = list(markdown(results))
    assert "| | sessions<br>memory | theirs<br>TheirStore |" in lines
    assert "| **ROT-1** | ✓ | ◩ |" in lines
    assert "| **SAVE-3** | ✓ | – |" in lines  # noqa: RUF001
    assert "| promises that hold, of those asked | 2 of 2 | 1 of 2 |" in lines
    assert [line for line in lines if line.startswith(("| Node", "| Bun"))] == [
        "| Node | 1 of 1 |",
        "| Bun | 1 of 1 |",
    ]
    assert "- It lives on. (ROT-1)" in lines
    assert "- SAVE-3: No streams." in lines
    assert sum("theirs 0.1" in line for line in lines) == 2


def test_the_page_of_the_report_shows_what_is_not_markup_as_text(results: Results, tmp_path: Path) -> None:
    write_page(results, tmp_path / "comparison.html")
    page = (tmp_path / "comparison.html").read_text()
    assert "A new &lt;id&gt;." in page
    assert "run &lt;it&gt;" in page
    assert "It lives on." in page


def test_the_command_writes_it_from_a_run_with_targets_only(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, page = tmp_path / "results.json", tmp_path / "page.md"
    results.save(run)
    assert main([str(run), str(page)]) == 0
    assert page.read_text() == "\n".join(markdown(results)) + "\n"
    results.targets = {}
    results.save(run)
    assert main([str(run), str(page)]) == 1
    assert "without targets" in capsys.readouterr().err


def test_a_run_of_all_targets_has_cells_of_ours_beside_them() -> None:
    plan = Plan.load()
    everything = plan.named({"all"})
    ours = {(cell.server, cell.store) for cell in everything if plan.target(cell) is None}
    assert ours == {("uvicorn", "memory"), ("uvicorn", "sqlite"), ("uvicorn", "cookie")}
    assert len(everything) == len(ours) + len(plan.targets)
