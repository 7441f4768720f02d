"""OBJ-5: both type checkers take what is right and refuse exactly what is wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GOOD = ROOT / "tests" / "typing" / "good.py"
BAD = ROOT / "tests" / "typing" / "bad.py"


def mypy(path: Path) -> dict[int, str]:
    """Line → complaint."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--hide-error-context",
        str(path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert not done.stderr, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        if match := re.match(r"(.+?):(\d+): error: (.*)", line):
            assert (ROOT / match[1]) == path, line
            found[int(match[2])] = match[3]
    return found


def pyright(path: Path) -> dict[int, str]:
    """Line → complaint."""
    tool = Path(sys.executable).with_name("pyright")
    program = str(tool) if tool.exists() else shutil.which("pyright")
    assert program, "pyright is not installed"
    # A copy, as the repository's settings leave bad.py out. Run here, so that `sessions` is found.
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, folder)
        command = [program, "--outputjson", "--pythonpath", sys.executable, copy]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 1, done.stdout
    return {
        each["range"]["start"]["line"] + 1: each["message"]
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    }


CHECKERS = [mypy, pyright]


@pytest.mark.promise("OBJ-5")
@pytest.mark.parametrize("check", CHECKERS)
def test_what_is_right_is_taken(check: Callable[[Path], dict[int, str]]) -> None:
    assert check(GOOD) == {}


@pytest.mark.promise("OBJ-5")
@pytest.mark.parametrize("check", CHECKERS)
def test_exactly_what_is_wrong_is_refused(check: Callable[[Path], dict[int, str]]) -> None:
    lines = BAD.read_text("utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, 1) if "# error: " in line}
    assert len(marked) >= 25
    complaints = check(BAD)
    missed = [f"line {number}: {lines[number - 1].strip()}" for number in sorted(marked - set(complaints))]
    surplus = [f"line {number}: {complaints[number]}" for number in sorted(set(complaints) - marked)]
    assert not missed, f"wrong and not refused: {missed}"
    assert not surplus, f"right and refused: {surplus}"
