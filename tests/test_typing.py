"""OBJ-5: both type checkers take what is right and refuse exactly what is wrong."""

from __future__ import annotations

import pytest
from type_checkers import CHECKERS, ROOT, Checker

GOOD = ROOT / "tests" / "typing" / "good.py"
BAD = ROOT / "tests" / "typing" / "bad.py"


@pytest.mark.promise("OBJ-5")
@pytest.mark.parametrize("check", CHECKERS)
def test_what_is_right_is_taken(check: Checker) -> None:
    assert check([GOOD]) == {}


@pytest.mark.promise("OBJ-5")
@pytest.mark.parametrize("check", CHECKERS)
def test_exactly_what_is_wrong_is_refused(check: Checker) -> None:
    lines = BAD.read_text("utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, 1) if "# error: " in line}
    assert len(marked) >= 25
    complaints = {line: text for (_, line), text in check([BAD]).items()}
    missed = [f"line {number}: {lines[number - 1].strip()}" for number in sorted(marked - set(complaints))]
    surplus = [f"line {number}: {complaints[number]}" for number in sorted(set(complaints) - marked)]
    assert not missed, f"wrong and not refused: {missed}"
    assert not surplus, f"right and refused: {surplus}"
