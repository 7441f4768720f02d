"""EXP-5, OWN-1: `python -m sessions`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, Clock, answer, own, site

from sessions import SQLiteStore
from sessions.__main__ import main


async def log_in(request: Request) -> Response:
    own(request).rotate()
    own(request).owner = request.query_params["owner"]
    return answer()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with two sessions of ada and one of bob, of whom nobody has been here for long."""

    async def fill() -> None:
        store = SQLiteStore(tmp_path / "sessions.db")
        for owner in ("ada", "ada", "bob"):
            await Browser(site(log_in, store=store, expire_after=3600)).get("/log_in", owner=owner)
        await store.close()

    anyio.run(fill)
    return f"sqlite:///{tmp_path}/sessions.db"


@pytest.mark.promise("EXP-5")
def test_purge_says_how_many(url: str, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    clock.now = 9e9
    assert main(["purge", url]) == 0
    assert capsys.readouterr().out == "3 expired sessions removed\n"
    assert main(["purge", url]) == 0
    assert capsys.readouterr().out == "0 expired sessions removed\n"


@pytest.mark.promise("EXP-5")
def test_it_runs_as_a_module(url: str) -> None:
    command = [sys.executable, "-m", "sessions", "purge", url]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 expired sessions removed\n", "")


def test_without_a_command_it_shows_how(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: python -m sessions" in capsys.readouterr().err
