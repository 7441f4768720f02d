"""The recipe of docs/encryption-at-rest.md does what the page says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT, Block, blocks
from starlette.testclient import TestClient
from support import KEY
from type_checkers import CHECKERS, Checker

from sessions.__main__ import main

PAGE = "docs/encryption-at-rest.md"

pytestmark = pytest.mark.promise("SEAL-6")


def the_block(language: str) -> Block:
    (block,) = [each for each in blocks(ROOT / PAGE) if each.language == language]
    return block


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the block defines, with the key that the page's command has made."""
    command = the_block("sh").source.replace("python", sys.executable, 1)
    made = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    monkeypatch.setenv("SESSIONS_STORE", f"sqlite:///{tmp_path}/sessions.db")
    monkeypatch.setenv("SESSIONS_ENCRYPTION_KEY", made.stdout.strip())
    return the_block("python").run()


def test_the_database_shows_nothing_and_the_app_works_as_ever(recipe: dict[str, Any], tmp_path: Path) -> None:
    with TestClient(recipe["app"]) as client:
        assert client.get("/log_in").text == "Welcome!"
        stolen = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"sessions_owner" in stolen
        for secret in (b"ada", b"cart", b"bread", client.cookies["session"].encode()):
            assert secret not in stolen
        assert client.get("/sign_out_everywhere").text == "1 sessions ended"


def test_the_command_line_reads_the_same_variables(
    recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with TestClient(recipe["app"]) as client:
        client.get("/log_in")
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("  ada")
    monkeypatch.setenv("SESSIONS_ENCRYPTION_KEY", KEY)
    for command in (["list"], ["destroy", "--owner", "ada"]):
        assert main(command) == 2
    for command in (["count"], ["purge"], ["destroy", "--all"]):
        assert main(command) == 0


@pytest.mark.parametrize("check", CHECKERS)
def test_its_types_are_right(check: Checker, tmp_path: Path) -> None:
    path = tmp_path / "recipe.py"
    path.write_text(the_block("python").source, "utf-8")
    assert check([path]) == {}
