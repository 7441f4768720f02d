"""A file of the user's that is called `sessions.py`: what the README says about it is so.

Python finds that file first, so nothing of ours runs that could say anything. Python's own message names
the file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sessions import __version__

ROOT = Path(__file__).parent.parent


@pytest.fixture(params=["", "from sessions import SessionMiddleware\n"], ids=["other names", "ours"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "sessions.py").write_text(request.param)
    (tmp_path / "app.py").write_text("from sessions import SessionMiddleware\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        # As if it were installed: behind the folder of the program.
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_error_names_the_file(folder: Path) -> None:
    last = run(folder, "app.py").stderr.splitlines()[-1]
    assert last.startswith("ImportError: cannot import name 'SessionMiddleware' from ")
    assert str(folder / "sessions.py") in last


def test_a_part_of_the_package_is_not_found(folder: Path) -> None:
    done = run(folder, "-c", "import sessions.testing")
    assert done.returncode == 1
    assert "Error: " in done.stderr.splitlines()[-1]


def test_the_command_line_runs_in_spite_of_it_if_it_is_told_so(folder: Path) -> None:
    done = run(folder, "-P", "-m", "sessions", "--version")
    assert (done.returncode, done.stdout) == (0, f"sessions {__version__}\n")
    (folder / "sessions.py").write_text("print('the other one')")
    assert run(folder, "-m", "sessions", "--version").stdout == "the other one\n"
