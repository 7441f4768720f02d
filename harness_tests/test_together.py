"""The reports of several runs become one, which says no more than they do."""

from dataclasses import replace
from pathlib import Path

import pytest

from e2e.matrix.explanation import NOT_CHOSEN, Choice
from e2e.report.__main__ import main
from e2e.report.results import CellResult, Results, TestResult
from e2e.report.together import together


def run(server: str, *stores: str, failed: str = "", **rest: object) -> Results:
    """The results of a run of some cells, each with one test; `failed` is the store on which it failed."""
    cells = [CellResult(f"{server}-{store}-chromium", server, store, "chromium", 1.0) for store in stores]
    tests = [
        TestResult(
            cell.id,
            "test_new_id",
            "tests/test_x.py",
            {"ROT-1": "failed" if cell.store == failed else "passed"},
            {},
            outcome="failed" if cell.store == failed else "passed",
            failure="assert" if cell.store == failed else "",
            artifacts=[("trace", "artifacts/t.zip")] if cell.store == failed else [],
        )
        for cell in cells
    ]
    other = "granian" if server == "uvicorn" else "uvicorn"
    results = Results(
        started=f"2030-01-0{len(stores)}T00:00:00+00:00",
        seconds=2.0,
        workers=len(stores),
        versions={server: "1.0"},
        promises={"ROT-1": "A new id."},
        cells=cells,
        tests=tests,
        selection=f"asked for by name: server {server}",
        choices=[
            Choice("not selected", NOT_CHOSEN["named"], [(other, store, "chromium") for store in "abc"]),
            Choice("excluded", "It cannot be.", [("daphne", "a", "chromium")]),
        ],
        expected=len(tests),
    )
    return replace(results, **rest)  # type: ignore[arg-type]


def test_every_cell_of_every_run_is_in_it() -> None:
    both = together([run("uvicorn", "a", "b"), run("granian", "a"), run("uvicorn", "c")])
    assert [cell.id for cell in both.cells] == [
        *(f"uvicorn-{store}-chromium" for store in "abc"),
        "granian-a-chromium",
    ], "a server's cells stand side by side, as its rows in the report do"
    assert (both.count("passed"), both.seconds, both.started[:10]) == (4, 6.0, "2030-01-01")
    assert both.versions == {"uvicorn": "1.0", "granian": "1.0"}
    assert both.green
    assert both.verdict == "Every promise holds"


def test_of_a_cell_that_ran_twice_the_last_run_counts() -> None:
    both = together([run("uvicorn", "a", "b", failed="a"), run("uvicorn", "a")])
    assert (both.count("passed"), both.count("failed")) == (2, 0)
    assert both.green
    assert [cell.store for cell in both.cells] == ["a", "b"], "where it first stood"


def test_a_server_that_ran_twice_stays_where_it_first_stood() -> None:
    both = together([run("uvicorn", "a", failed="a"), run("granian", "a"), run("uvicorn", "a")])
    assert [cell.server for cell in both.cells] == ["uvicorn", "granian"]


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (run("granian", "a", failed="a"), "Not every promise holds"),
        (run("granian", "a", errors=["the server was gone"]), "Not every promise holds"),
        (run("granian", "a", expected=5), "Stopped after 2 of 6 tests"),
        (run("granian", "a", narrowed="promise ROT-1"), "2 tests passed; the others were not asked"),
    ],
    ids=["failed", "broken", "stopped", "narrowed"],
)
def test_it_promises_no_more_than_each_of_them(other: Results, verdict: str) -> None:
    both = together([run("uvicorn", "a"), other])
    assert both.verdict == verdict
    assert together([other, run("uvicorn", "a")]).verdict == verdict


def test_what_another_run_has_run_is_not_left_out() -> None:
    both = together([run("uvicorn", "a", "b", "c"), run("granian", "a")])
    assert {choice.reason: choice.cells for choice in both.choices} == {
        NOT_CHOSEN["named"]: [("granian", "b", "chromium"), ("granian", "c", "chromium")],
        "It cannot be.": [("daphne", "a", "chromium")],
    }


def test_the_command_makes_one_page_above_the_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("uvicorn", "a").save(tmp_path / "one" / "results.json")
    run("granian", "a", "b", failed="b").save(tmp_path / "two" / "results.json")
    assert main([str(tmp_path / "one"), f"{tmp_path / 'two'}/", "--markdown"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("**Not every promise holds.** 2 passed, 1 failed, 0 not applicable, 3 cells")
    assert "| granian | ✓ 1 | ✗ 1 of 1 |" in shown
    assert shown[-1] == "- ✗ granian-b-chromium: new id (ROT-1)"
    assert 'href="two/artifacts/t.zip"' in (tmp_path / "index.html").read_text()
    assert Results.load(tmp_path / "results.json").count("failed") == 1


def test_no_report_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("uvicorn", "a").save(tmp_path / "results.json")
    run("granian", "a").save(tmp_path / "two" / "results.json")
    assert main([str(tmp_path), str(tmp_path / "two")]) == 1
    assert "would be overwritten" in capsys.readouterr().err
    assert len(Results.load(tmp_path / "results.json").cells) == 1


def test_the_command_writes_the_page_of_one_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    assert "results.json" in capsys.readouterr().err
    run("uvicorn", "a").save(tmp_path / "results.json")
    assert main([str(tmp_path)]) == 0
    assert "1 passed" in capsys.readouterr().out
    assert "Every promise holds" in (tmp_path / "index.html").read_text()
