"""matrix.yml: which cells there are, and what is declared not applicable in them."""

from typing import Any

import pytest

from e2e.matrix import Cell, Matrix, MatrixError

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


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"server": "granian"}, "needs a reason"),
        ({"server": "apache", "reason": "x"}, "unknown server apache"),
        ({"sever": "granian", "reason": "x"}, "unknown sever"),
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


@pytest.mark.promise("ROT-4", "CONC-4")
def test_what_the_cookie_store_cannot_promise_is_declared() -> None:
    declared = Matrix.load()
    cookie_cells = [cell for cell in declared.cells if cell.store == "cookie"]
    assert cookie_cells
    for cell in cookie_cells:
        for promise in ("ROT-1", "ROT-2", "ROT-3", "ROT-4", "OUT-1", "OUT-2", "CONC-1", "CONC-2", "CONC-4"):
            assert declared.limit(cell, promise), (cell, promise)
