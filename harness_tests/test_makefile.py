"""Make passes on the words of its command line, and nothing that a terminal has set for itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ELSEWHERE = "/opt/editor/bin/open-in-browser"


def dry_run(target: str, *variables: str, **environment: str) -> str:
    """The commands that make would run."""
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", target, *variables],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return "\n".join(" ".join(line.split()) for line in done.stdout.splitlines())


@pytest.mark.parametrize("target", ["e2e", "e2e-full", "judge", "demo"])
@pytest.mark.parametrize(
    "name", ["BROWSER", "SERVER", "STORE", "MODE", "PROMISE", "TARGET", "URL", "PORT", "ARGS"]
)
def test_the_environment_selects_nothing(target: str, name: str) -> None:
    assert ELSEWHERE not in dry_run(target, **{name: ELSEWHERE})


def test_the_command_line_selects_whatever_the_environment_says() -> None:
    said = dry_run("e2e", "BROWSER=firefox chromium", "PROMISE=rot-2", "STORE=redis", BROWSER=ELSEWHERE)
    assert "--in-browser=firefox --in-browser=chromium" in said
    assert "--promise=rot-2" in said
    assert "--store=redis" in said
    assert ELSEWHERE not in said


def test_names_are_checked_before_anything_is_installed() -> None:
    lines = dry_run("e2e", "BROWSER=chrome").splitlines()
    check, install = (
        next(number for number, line in enumerate(lines) if words in line)
        for words in ("-m e2e.matrix --check --browser=chrome", "-m e2e.browser.install")
    )
    assert check < install
