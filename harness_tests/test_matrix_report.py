"""The report says what the results say, and counts nothing as passed that is not."""

import json
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from e2e.matrix.explanation import Choice
from e2e.matrix.matrix import Cell
from e2e.plugin.items import cell_in
from e2e.report.grid import Grid
from e2e.report.html import write_page
from e2e.report.marks import KINDS, MARKS
from e2e.report.results import CellResult, Outcome, Results, TestResult
from e2e.report.terminal import print_report


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


@pytest.mark.parametrize(
    ("expected", "narrowed", "verdict"),
    [
        (2, "", "Every promise holds"),
        (174, "", "Stopped after 2 of 174 tests"),
        (2, "promise ROT-1", "2 tests passed; the others were not asked"),
        (174, "promise ROT-1", "Stopped after 2 of 174 tests"),
    ],
)
def test_every_promise_holds_only_if_all_tests_ran_to_the_end(
    results: Results, tmp_path: Path, expected: int, narrowed: str, verdict: str
) -> None:
    results.tests = [test for test in results.tests if test.outcome == "passed"]
    results.expected, results.narrowed = expected, narrowed
    write_page(results, tmp_path / "index.html")
    assert f"<h1>{verdict}</h1>" in (tmp_path / "index.html").read_text()
    assert f"{verdict}." in printed(results, 100)


def test_results_survive_the_file(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results


def printed(results: Results, width: int) -> list[str]:
    """What a terminal of that width shows."""
    console = Console(file=StringIO(), width=width, markup=False, highlight=False)
    print_report(results, console)
    return [line.rstrip() for line in cast(StringIO, console.file).getvalue().splitlines()]


def test_the_table_has_everything_where_it_fits(results: Results) -> None:
    lines = printed(results, 70)
    assert max(map(len, lines)) <= 70
    assert any(line.split() == ["ROT-1", "✓", "✗", "–"] for line in lines)  # noqa: RUF001
    assert any("artifacts/t.zip" in line for line in lines)
    assert any(line.startswith("2 passed, 1 failed, 2 not applicable") for line in lines)


@pytest.fixture
def many(results: Results) -> Results:
    """Sixty cells like the three, the second of each server failing; and what did not run."""
    (a, b, c), tests = results.cells, results.tests
    results.cells, results.tests = [], []
    for number in range(20):
        for cell in (a, b, c):
            mode = "https" if number % 2 else "http"
            name = f"server-{number}-{cell.store}-chromium"
            results.cells.append(CellResult(name, f"server-{number}", cell.store, "chromium", 1.5, mode))
            results.tests += [replace(test, cell=name) for test in tests if test.cell == cell.id]
    results.cells.append(CellResult("server-9-d-chromium", "server-9", "d", "chromium"))
    results.tests.append(result("server-9-d-chromium", "test_new_id", {"ROT-1": "passed"}))
    results.choices = [
        Choice("excluded", "It has no lifespan.", [("server-0", "d", "chromium")]),
        Choice("not selected", "Another day.", [("server-0", "d", "firefox"), ("server-1", "d", "firefox")]),
        Choice("excluded", "It is one process.", [("server-2", "d", "chromium workers")]),
        Choice("not selected", "Not here.", [("server-3", "e", "chromium")]),
    ]
    return results


def test_the_table_of_many_cells_is_servers_by_stores(many: Results) -> None:
    lines = printed(many, 80)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["a", "b", "c", "d"]
    assert lines[1].split() == ["server-0", "✓", "1", "✗", "1", "of", "1", "✓", "1", "·"]
    assert lines[3].split()[-1] == "–"  # noqa: RUF001
    assert "2 not selected. Another day." in lines
    assert any(line.startswith("✗ ROT-1: server-0-b-chromium, server-1-b-chromium") for line in lines)


def test_the_table_of_many_cells_names_each_where_the_terminal_is_narrow(many: Results) -> None:
    lines = printed(many, 32)
    assert max(map(len, lines[:60])) <= 32
    assert "✗ 1 failed 1.5 s server-0-b-chro" in lines
    assert "server-0-b-chromium" in "".join(line.strip() for line in lines)


def test_a_square_is_as_bad_as_its_worst_cell(many: Results) -> None:
    many.cells.append(CellResult("late", "server-0", "a", "firefox"))
    many.tests.append(result("late", "test_new_id", {"ROT-1": "failed"}, outcome="failed"))
    squares = Grid(many).squares
    assert squares["server-0", "a"].state == "failed"
    assert [cell.state for cell in squares["server-0", "a"].cells] == ["passed", "failed"]
    assert squares["server-0", "c"].state == "passed"


def test_a_square_without_a_cell_says_why(many: Results) -> None:
    squares = Grid(many).squares
    assert squares["server-2", "d"].state == "excluded"
    assert squares["server-2", "d"].excluded == [("chromium workers", "It is one process.")]
    assert squares["server-1", "d"].state == "not selected"
    # Excluded with one browser, but to be had with another.
    assert squares["server-0", "d"].state == "not selected"


def test_a_store_on_which_nothing_ran_has_no_column(many: Results, tmp_path: Path) -> None:
    assert "e" not in Grid(many).stores
    assert Grid(many).idle == ["e"]
    write_page(many, tmp_path / "index.html")
    assert "Nothing ran on e:" in (tmp_path / "index.html").read_text()


def test_the_page_leads_from_a_square_to_the_failure(many: Results, tmp_path: Path) -> None:
    write_page(many, tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    targets = set(re.findall(r' id="([^"]+)"', text))
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert {f"cell-{cell.id}" for cell in many.cells} <= links
    assert many.failures[0].anchor in links
    assert links <= targets
    assert "It has no lifespan." in text
    assert "server-1 · d · firefox" in text


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("artifacts/s 1.png", "artifacts/s%201.png"),
        ("artifacts/a&b#c?d.png", "artifacts/a%26b%23c%3Fd.png"),
        ("../elsewhere.png", None),
        ("artifacts/../../elsewhere.png", None),
        ("..\\elsewhere.png", None),
        ("/etc/passwd", None),
        ("//other.test/x", None),
        ("\\\\other.test\\x", None),
        ("", None),
    ],
)
def test_only_files_of_the_report_become_links(
    results: Results, tmp_path: Path, path: str, link: str | None
) -> None:
    """Results are a file, which may have come from somebody else."""
    results.failures[0].artifacts = [("screenshot", path)]
    write_page(results, tmp_path / "index.html")
    links = re.findall(r'href="([^"#]+)"', (tmp_path / "index.html").read_text())
    assert links == ([link] if link else [])


@pytest.mark.parametrize("path", ["javascript:alert(1)", "JavaScript://x/%0aalert(1)", "data:text/html,x"])
def test_no_link_runs_a_script(results: Results, tmp_path: Path, path: str) -> None:
    results.failures[0].artifacts = [("trace", path)]
    write_page(results, tmp_path / "index.html")
    links = re.findall(r'href="([^"#]+)"', (tmp_path / "index.html").read_text())
    assert not any(urlsplit(link).scheme for link in links)


HOSTILE = '<img src=x onerror="alert(1)">'


def hostile(value: Any) -> Any:
    """The value with a tag in each of its texts, but for names that the report knows."""
    if isinstance(value, str):
        return value if value in {*MARKS, *KINDS, "http", "core", "started"} else f"{value}{HOSTILE}"
    if isinstance(value, dict):
        return {hostile(name): hostile(each) for name, each in value.items()}
    return [hostile(each) for each in value] if isinstance(value, list) else value


def test_no_text_of_the_results_is_markup(many: Results, tmp_path: Path) -> None:
    many.save(tmp_path / "results.json")
    read = json.loads((tmp_path / "results.json").read_text())
    fields = {
        name: (value if name in ("format", "seconds", "workers", "expected") else hostile(value))
        for name, value in read.items()
    }
    for part in ("cells", "tests", "choices"):
        fields[part] = [{name: hostile(value) for name, value in each.items()} for each in read[part]]
    (tmp_path / "hostile.json").write_text(json.dumps(fields))
    write_page(Results.load(tmp_path / "hostile.json"), tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text()
    assert "&lt;img src=x" in text
    assert "<img" not in text


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


@pytest.mark.parametrize(
    ("parameters", "cell"),
    [
        ("uvicorn-cookie-chromium", "uvicorn-cookie-chromium"),
        ("uvicorn-cookie-chromium-deep path", "uvicorn-cookie-chromium"),
        ("nginx-uvicorn-cookie-chromium", "uvicorn-cookie-chromium"),
        ("uvicorn-cookie-chromium-behind-nginx", "uvicorn-cookie-chromium-behind-nginx"),
    ],
)
def test_a_test_counts_for_its_cell_wherever_its_own_parameters_stand(parameters: str, cell: str) -> None:
    cells = [Cell("uvicorn", "cookie", "chromium", mode) for mode in ("http", "behind-nginx")]
    assert cell_in(f"e2e/tests/test_a.py::test_b[{parameters}]", cells) == cell
