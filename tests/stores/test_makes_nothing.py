"""LOOK-2: who looks after a store and errs in a name makes no file and no table."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import asyncpg
import pytest

from sessions.__main__ import main

pytestmark = pytest.mark.promise("LOOK-2")

COMMANDS = [["count"], ["list"], ["stats"], ["purge"], ["destroy", "--all"], ["destroy", "--owner", "ann"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
def test_no_table_in_another_apps_file(
    tmp_path: Path, scheme: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "another app.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE other (key TEXT)")
    before = file.read_bytes()
    name, *others = command
    path = str(file).replace(" ", "%20") if scheme == "sqlite" else str(file)
    assert main([name, f"{scheme}:///{path}", *others]) == 3
    assert "no such table: sessions" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("driver", ["", "+asyncpg"])
def test_no_table_in_postgresql(
    postgres_url: str, driver: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    table = f"t{secrets.token_hex(4)}"
    name, *others = command
    assert main([name, f"{postgres_url.replace('://', f'{driver}://')}?table={table}", *others]) == 3
    assert capsys.readouterr().err.count("\n") == 1

    async def tables() -> int:
        connection = await asyncpg.connect(postgres_url)
        try:
            found: int = await connection.fetchval(
                "SELECT count(*) FROM pg_tables WHERE tablename = $1", table
            )
        finally:
            await connection.close()
        return found

    assert anyio.run(tables) == 0
