"""matrix.yml: which cells there are, and what is declared not applicable in them."""

import re
from pathlib import Path
from typing import Any

import pytest

from e2e.matrix.matrix import SHARES, Cell, Matrix
from e2e.matrix.selection import select_cells
from e2e.matrix.yaml_file import MatrixError
from e2e.promises import UnknownPromise, promise_named
from services import needed_by

AXES: dict[str, Any] = {
    "servers": ["uvicorn", "granian"],
    "stores": {"memory": "memory:", "cookie": "cookie:"},
    "browsers": ["chromium"],
}


def matrix(**lines: Any) -> Matrix:
    return Matrix.parse(AXES | lines)


def test_every_combination_is_a_cell() -> None:
    assert [cell.id for cell in matrix().cells] == [
        "uvicorn-memory-chromium",
        "uvicorn-cookie-chromium",
        "granian-memory-chromium",
        "granian-cookie-chromium",
    ]


def test_an_excluded_combination_is_none() -> None:
    smaller = matrix(exclude=[{"server": "granian", "store": "cookie", "reason": "for a test"}])
    assert Cell("granian", "cookie", "chromium") not in smaller.cells
    assert len(smaller.cells) == 3


def test_selection_by_name() -> None:
    assert matrix().select(servers=["granian"], stores=["memory"]) == (Cell("granian", "memory", "chromium"),)
    with pytest.raises(MatrixError, match="no server apache; it has uvicorn, granian"):
        matrix().select(servers=["apache"])


def test_names_are_found_in_capitals_or_not() -> None:
    assert matrix().select(servers=["Granian"], stores=["MEMORY"]) == (Cell("granian", "memory", "chromium"),)


def test_a_name_that_there_is_not_is_told_with_the_nearest_one() -> None:
    with pytest.raises(MatrixError, match=r"no browser chrome; it has chromium\. Did you mean chromium\?"):
        matrix().select(browsers=["chrome"])
    with pytest.raises(UnknownPromise, match="no promise rot-99; it has ROT-1, ROT-2"):
        promise_named("rot-99")
    assert promise_named("rot-2") == "ROT-2"


def test_a_selection_of_which_all_is_left_out_says_why() -> None:
    smaller = matrix(
        exclude=[
            {"server": "granian", "store": "cookie", "reason": "It cannot."},
            {"server": "granian", "store": "memory", "reason": "It has none."},
        ]
    )
    with pytest.raises(
        MatrixError, match=r"leaves out every cell of that selection: It has none\. It cannot\."
    ):
        smaller.select(servers=["granian"])


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        (
            "{reason: x, sever: granian}",
            "matrix.yml, line 5 (exclude, entry 1): Object contains unknown field",
        ),
        (
            "{server: granian}",
            "matrix.yml, line 5 (exclude, entry 1): Object missing required field `reason`",
        ),
        ("{reason: x, server: 3}", "matrix.yml, line 5 (exclude, entry 1, server): Expected `str | array"),
        ("{reason: [", "matrix.yml is not YAML"),
    ],
)
def test_an_error_names_the_line_of_the_file(tmp_path: Path, entry: str, complaint: str) -> None:
    file = tmp_path / "matrix.yml"
    file.write_text(
        f"servers: [granian]\nstores: {{memory: 'memory:'}}\nbrowsers: [chromium]\nexclude:\n  - {entry}\n"
    )
    with pytest.raises(MatrixError, match=f"^{re.escape(complaint)}"):
        Matrix.load(file)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"server": "granian"}, "missing required field `reason`"),
        ({"server": "granian", "reason": " "}, "needs a reason"),
        ({"server": "apache", "reason": "x"}, "unknown server apache"),
        ({"sever": "granian", "reason": "x"}, "unknown field `sever`"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(line: dict[str, str], complaint: str) -> None:
    with pytest.raises(MatrixError, match=complaint):
        matrix(exclude=[line])


def test_a_limit_covers_a_promise_with_all_its_aspects_or_one_of_them() -> None:
    declared = matrix(
        not_applicable=[
            {"promises": ["ROT-1"], "store": "cookie", "reason": "no id"},
            {"promises": ["SAVE-3: saved late"], "store": ["cookie"], "reason": "too late"},
        ]
    )
    cookie, memory = Cell("uvicorn", "cookie", "chromium"), Cell("uvicorn", "memory", "chromium")
    assert declared.limit(cookie, "ROT-1: anything")
    assert declared.limit(cookie, "SAVE-3: saved late")
    assert declared.limit(cookie, "SAVE-3") is None
    assert declared.limit(memory, "ROT-1") is None


def test_a_limit_for_no_cell_is_refused() -> None:
    with pytest.raises(MatrixError, match="for no cell"):
        matrix(
            exclude=[{"store": "cookie", "reason": "for a test"}],
            not_applicable=[{"promises": ["ROT-1"], "store": "cookie", "reason": "no id"}],
        )


MODES: dict[str, Any] = AXES | {"browsers": ["chromium", "firefox"], "modes": ["http", "https"]}


def test_a_mode_other_than_the_plain_one_is_part_of_the_name() -> None:
    names = [cell.id for cell in Matrix.parse(MODES).select(["granian"], ["memory"], ["chromium"])]
    assert names == ["granian-memory-chromium", "granian-memory-chromium-https"]


def test_the_first_line_of_the_selection_that_matches_a_cell_decides() -> None:
    chosen = matrix(
        selection=[
            {"tests": "all", "server": "uvicorn", "store": "memory", "reason": "first"},
            {"tests": "core", "server": "uvicorn", "reason": "second"},
        ]
    )
    assert chosen.default == {
        Cell("uvicorn", "memory", "chromium"): "all",
        Cell("uvicorn", "cookie", "chromium"): "core",
    }


@pytest.mark.parametrize("axis", ["server", "store"])
def test_taking_turns_each_server_and_each_store_sees_the_whole_core_set(axis: str) -> None:
    declared = Matrix.load()
    seen: dict[str, set[int]] = {}
    for cell, extent in declared.default.items():
        if cell.mode != "http" or (axis == "server" and cell.store == "cookie"):
            continue  # what a cookie cannot promise is not applicable there, so another store has to show it
        turns = {
            "all": range(SHARES),
            "core": range(SHARES),
            "share of core": [declared.share_of_core(cell)],
        }.get(extent, [])
        seen.setdefault(getattr(cell, axis), set()).update(turns)
    assert seen
    assert [name for name, turns in seen.items() if len(turns) < SHARES] == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            {"tests": "some", "reason": "x"},
            "tests are one of all, core, share of core, about mode or browser",
        ),
        ({"tests": "all"}, "missing required field `reason`"),
        ({"tests": "all", "server": "apache", "reason": "x"}, "unknown server apache"),
    ],
)
def test_a_selection_that_makes_no_sense_is_refused(line: dict[str, str], complaint: str) -> None:
    with pytest.raises(MatrixError, match=complaint):
        matrix(selection=[line])


def test_who_names_a_server_means_the_first_browser_and_mode_and_all_tests() -> None:
    wanted = {
        axis: ["granian"] if axis == "server" else [] for axis in ("server", "store", "browser", "mode")
    }
    declared = Matrix.parse(MODES | {"selection": [{"tests": "core", "store": "memory", "reason": "few"}]})
    assert select_cells(declared, wanted).cells == {
        Cell("granian", "memory", "chromium"): "all",
        Cell("granian", "cookie", "chromium"): "all",
    }
    assert len(select_cells(declared, wanted, full=True).cells) == 8


def test_what_the_machine_lacks_is_absent_from_the_full_matrix_unless_it_is_named() -> None:
    def missing(_axis: str, name: str) -> str:
        return f"no {name} here"

    declared = Matrix.parse(MODES | {"optional": {"browser": ["firefox"]}})
    nothing: dict[str, list[str]] = {axis: [] for axis in ("server", "store", "browser", "mode")}
    full = select_cells(declared, nothing, full=True, missing_here=missing)
    assert {cell.browser for cell in full.cells} == {"chromium"}
    assert set(full.absent.values()) == {"no firefox here"}
    assert not select_cells(declared, nothing | {"browser": ["firefox"]}, missing_here=missing).absent


def test_the_default_selection_shows_everything_that_sets_itself_up() -> None:
    declared = Matrix.load()
    optional = {name for names in declared.optional.values() for name in names}
    for axis in ("server", "store", "browser", "mode"):
        shown = {getattr(cell, axis) for cell in declared.default}
        assert shown == set(getattr(declared, f"{axis}s")) - optional, axis
    promised = {(cell.server, cell.store) for cell in declared.cells if cell.store not in optional}
    assert {(cell.server, cell.store) for cell in declared.default if cell.mode == "http"} == promised


def test_only_a_full_chromium_binds_and_only_in_the_mode_for_it() -> None:
    binding = [cell for cell in Matrix.load().combinations if cell.binds]
    assert {(cell.browser, cell.mode) for cell in binding} == {("chromium-full", "bound")}


def test_what_binds_a_session_is_tested_once_and_its_core_on_two_more_servers() -> None:
    bound = {cell: extent for cell, extent in Matrix.load().default.items() if cell.binds}
    assert list(bound.values()).count("about mode or browser") == 1
    assert list(bound.values()).count("core") == 2
    assert len({cell.server for cell in bound}) == 3


def test_a_store_names_the_service_that_it_needs() -> None:
    assert needed_by("{redis}") == {"redis"}
    assert needed_by("sqlite:///{folder}/sessions.db") == set()


@pytest.mark.promise("ROT-4", "CONC-4")
def test_what_the_cookie_store_cannot_promise_is_declared() -> None:
    declared = Matrix.load()
    cookie_cells = [cell for cell in declared.cells if cell.store == "cookie"]
    assert cookie_cells
    for cell in cookie_cells:
        for promise in ("ROT-1", "ROT-2", "ROT-3", "ROT-4", "OUT-1", "OUT-2", "CONC-1", "CONC-2", "CONC-4"):
            assert declared.limit(cell, promise), (cell, promise)
