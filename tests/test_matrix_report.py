"""The report says what the results say, and counts nothing as passed that is not."""

from pathlib import Path

import pytest

from e2e.report import table, write_page
from e2e.results import CellResult, Outcome, Results, TestResult


def result(cell: str, name: str, promises: dict[str, Outcome], **rest: object) -> TestResult:
    reasons = {name: "no id" for name, outcome in promises.items() if outcome == "not applicable"}
    return TestResult(cell, name, "tests/test_x.py", promises, reasons, **rest)  # type: ignore[arg-type]


@pytest.fixture
def results() -> Results:
    cells = [CellResult(f"uvicorn-{store}-chromium", "uvicorn", store, "chromium", 1.5) for store in "abc"]
    a, b, c = (cell.id for cell in cells)
    return Results(
        started="2030-01-01T00:00:00+00:00",
        seconds=8.0,
        workers=2,
        versions={"Python": "3.11"},
        promises={"ROT-1": "A new <id>.", "SAVE-3": "Nothing is dropped."},
        cells=cells,
        tests=[
            result(a, "test_new_id", {"ROT-1": "passed"}, seconds=2.0),
            result(
                b,
                "test_new_id",
                {"ROT-1": "failed"},
                outcome="failed",
                failure="assert <old> != <old>",
                artifacts=[("trace", "artifacts/t.zip"), ("screenshot", "artifacts/s.png")],
            ),
            result(c, "test_new_id", {"ROT-1": "not applicable"}, outcome="not applicable"),
            result(c, "test_late", {"SAVE-3": "passed"}),
            result(c, "test_late_save", {"SAVE-3: saved late": "not applicable"}, outcome="not applicable"),
        ],
    )


@pytest.mark.promise("ROT-4", "CONC-4")
def test_not_applicable_is_never_counted_as_passed(results: Results) -> None:
    assert results.state("uvicorn-c-chromium", "ROT-1") == "not applicable"
    assert (results.count("passed"), results.count("failed"), results.count("not applicable")) == (2, 1, 2)
    assert results.ran == 3


def test_states_of_a_promise(results: Results) -> None:
    states = [results.state(cell.id, "ROT-1") for cell in results.cells]
    assert states == ["passed", "failed", "not applicable"]
    assert results.state("uvicorn-c-chromium", "SAVE-3") == "partly"
    assert results.state("uvicorn-a-chromium", "SAVE-3") == "not run"
    assert results.reasons("SAVE-3") == {"Saved late: no id": ["uvicorn-c-chromium"]}


def test_green_is_only_what_ran_without_failure(results: Results) -> None:
    assert not results.green
    results.tests = [test for test in results.tests if test.outcome == "passed"]
    assert results.green
    results.errors = ["tests/test_y.py could not be imported"]
    assert not results.green
    results.tests, results.errors = [], []
    assert not results.green


def test_results_survive_the_file(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results


def test_the_table_fits_the_terminal(results: Results) -> None:
    lines = list(table(results, width=30))
    assert max(map(len, lines[:8])) <= 30
    assert any(line.split() == ["ROT-1", "✓", "✗"] for line in lines)
    assert any("artifacts/t.zip" in line for line in lines)
    assert any(line.startswith("2 passed, 1 failed, 2 not applicable") for line in lines)


def test_the_page_stands_alone(results: Results, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    write_page(results, page)
    text = page.read_text()
    assert "Not every promise holds" in text
    assert "A new &lt;id&gt;." in text
    assert "assert &lt;old&gt; != &lt;old&gt;" in text
    assert 'href="artifacts/t.zip"' in text
    assert "Saved late: no id" in text
    assert not any(word in text for word in ("http://", "https://", "<link", "src=", "@import", "url("))
