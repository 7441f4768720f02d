"""mypy --strict and pyright, asked about files: what they complain of, by file name and line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent

Complaints = dict[tuple[str, int], str]
Checker = Callable[[Sequence[Path]], Complaints]


def mypy(paths: Sequence[Path]) -> Complaints:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context"]
    done = subprocess.run([*command, *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert not done.stderr, done.stderr
    found = {}
    names = {path.name for path in paths}
    for line in done.stdout.splitlines():
        if match := re.match(r"(.+?):(\d+): error: (.*)", line):
            assert Path(match[1]).name in names, line
            found[Path(match[1]).name, int(match[2])] = match[3]
    return found


def pyright(paths: Sequence[Path]) -> Complaints:
    tool = Path(sys.executable).with_name("pyright")
    program = str(tool) if tool.exists() else shutil.which("pyright")
    assert program, "pyright is not installed"
    # Copies, as the repository's settings leave bad.py out. Run here, so that `sessions` is found.
    with tempfile.TemporaryDirectory() as folder:
        copies = [shutil.copy(path, folder) for path in paths]
        command = [program, "--outputjson", "--pythonpath", sys.executable, *copies]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == len(paths), done.stdout
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1): each["message"]
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    }


CHECKERS: Final[list[Checker]] = [mypy, pyright]
