"""The page that puts other libraries beside ours says what a run's results file says."""

import json
import re
from pathlib import Path

import pytest

from e2e.judge import needs
from e2e.promises import sentences
from e2e.report.comparison import as_json, by_effect, libraries, main, markdown, write_page
from e2e.report.effects_on_users import EFFECTS, LIMITS, effect_of
from e2e.report.results import CellResult, Outcome, Results, TestResult
from e2e.report.together import together
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


def test_ours_come_first_and_runtimes_that_agree_are_one_line(results: Results) -> None:
    assert [(library.title, library.platforms) for library in libraries(results)] == [
        ("sessions, memory", ("uvicorn",)),
        ("theirs, TheirStore", ("Node", "Bun")),
    ]


def test_a_runtime_that_differs_is_a_line_of_its_own(results: Results) -> None:
    results.tests = [
        test
        for test in results.tests
        if (test.cell, test.name) != ("their-bun-memory-chromium", "test_old_id")
    ]
    assert [library.platforms for library in libraries(results)] == [("uvicorn",), ("Node",), ("Bun",)]


def test_the_page_in_markdown(results: Results) -> None:
    lines = list(markdown(results))
    assert lines[0] == "# What happens to your users with library X"
    # Logged out, somebody else's session, lost write, lost message, cannot log out, needless cookies
    assert "| **sessions**, memory, on uvicorn | – | ✓ | ✓ | – | – | – | 2 of 2 |" in lines  # noqa: RUF001
    assert "| **theirs**, TheirStore, on Node, Bun | – | ✗ 1 | ✓ | – | – | – | 1 of 2 |" in lines  # noqa: RUF001
    assert [line for line in lines if line.startswith(("| Node", "| Bun"))] == [
        "| Node | 1 of 1 |",
        "| Bun | 1 of 1 |",
    ]
    assert "## Somebody else's session" in lines
    assert "## Logged out" not in lines, "nobody is"
    assert "- It lives on. **theirs (TheirStore)** ROT-1" in lines
    assert "- No streams. **theirs (TheirStore)** SAVE-3" in lines
    assert sum("theirs 0.1" in line for line in lines) == 2
    assert any("make e2e-targets" in line for line in lines)


def test_each_cross_has_a_sentence(results: Results) -> None:
    for library in libraries(results):
        for effect in EFFECTS:
            assert (library.mark(effect) == "breaks") == bool(library.happens(effect))


def test_an_unexpected_failure_is_no_cross_but_is_told_as_one(results: Results) -> None:
    (late,) = [test for test in results.tests if test.name == "test_late" and test.outcome == "passed"]
    late.outcome, late.promises = "failed", {"SAVE-3": "failed"}
    assert "| – | ✓ | ! |" in "\n".join(markdown(results))  # noqa: RUF001


def test_the_page_shows_what_is_not_markup_as_text(results: Results, tmp_path: Path) -> None:
    results.targets["their-node-memory-chromium"]["product"] = "the<i>rs"
    write_page(results, tmp_path / "comparison.html")
    page = (tmp_path / "comparison.html").read_text()
    assert "the&lt;i&gt;rs" in page
    assert "run &lt;it&gt;" in page
    assert "It lives on." in page
    assert "<script" not in page


def test_links_of_the_page_lead_to_something(results: Results, tmp_path: Path) -> None:
    write_page(results, tmp_path / "comparison.html", report=False)
    page = (tmp_path / "comparison.html").read_text()
    targets = set(re.findall(r'id="([^"]+)"', page))
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links - targets == set()
    assert len(links) > len(EFFECTS)
    assert "index.html" not in page, "that is there in a report alone"


def test_the_json_has_each_promise(results: Results) -> None:
    found = json.loads(json.dumps(as_json(results)))
    ours, theirs = found["libraries"]
    assert ours["promises"] == {"ROT-1": "passed", "SAVE-3": "passed", "SEAL-2": "not run"}
    assert theirs["promises"]["ROT-1"] == "broken in part"
    assert theirs["effects"]["Somebody else's session"] == "breaks"
    assert theirs["breaks"] == [{"text": "It lives on.", "promises": ["ROT-1"]}]
    assert theirs["targets"]["their-node-memory"]["versions"] == {"theirs": "0.1"}


def test_the_command_writes_it_from_a_run_with_targets_only(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, into = tmp_path / "results.json", tmp_path / "comparison"
    results.save(run)
    assert main([f"--into={into}", str(run)]) == 0
    assert {file.suffix for file in tmp_path.glob("comparison.*")} == {".md", ".html", ".json"}
    assert into.with_suffix(".md").read_text() == "\n".join(markdown(by_effect(together([results])))) + "\n"
    results.targets = {}
    results.save(run)
    assert main([f"--into={into}", str(run)]) == 1
    assert "without targets" in capsys.readouterr().err


def test_each_promise_that_browsers_are_asked_has_one_effect() -> None:
    named = [promise for effect in EFFECTS for promise in effect.promises]
    assert len(named) == len(set(named))
    assert set(named) <= set(sentences())
    asked = {promise for test in needs.needs().values() for promise in test.promises}
    assert asked - set(effect_of()) - set(LIMITS) == set()


def test_a_run_of_all_targets_has_cells_of_ours_beside_them() -> None:
    plan = Plan.load()
    everything = plan.named({"all"})
    ours = {(cell.server, cell.store) for cell in everything if plan.target(cell) is None}
    assert ours == {("uvicorn", "memory"), ("uvicorn", "sqlite"), ("uvicorn", "cookie")}
    assert len(everything) == len(ours) + len(plan.targets)
