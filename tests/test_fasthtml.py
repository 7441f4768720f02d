"""docs/frameworks.md: the recipe for FastHTML, in a process of its own.

As FastHTML is imported, it changes Starlette's classes for the whole process.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.promise("OBJ-1: with FastHTML", "SEC-3", "SAVE-3")
def test_the_recipe_with_fasthtml() -> None:
    tests = str(FOLDER / "fasthtml_alone.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    assert re.search(r"^\d\d passed in", done.stdout, re.MULTILINE), done.stdout + done.stderr
