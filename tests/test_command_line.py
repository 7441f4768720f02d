"""`python -m sessions`: what an administrator does to a store."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from sessions import Record, SQLiteStore
from sessions.__main__ import main

KEYS = ["a" * 64, "b" * 64, "c" * 64]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with two sessions of ann, one of bob, and an expired one."""
    store = SQLiteStore(tmp_path / "sessions.db")

    async def fill() -> None:
        now = time.time()
        for number, (key, owner) in enumerate(zip(KEYS, ["ann", "ann", "bob"], strict=True)):
            record = Record(b'{"data":{"secret":1}}', 1_700_000_000.0 + number, now + 100, 1, owner)
            await store.create(key, record)
        await store.create("d" * 64, Record(b"{}", 1.0, 2.0, 1, "ann"))
        await store.create("e" * 64, Record(b"{}", 1_600_000_000.0, float("inf"), 1, "cleo"))
        await store.close()

    anyio.run(fill)
    return f"sqlite:///{tmp_path}/sessions.db"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(arguments) == 0
    return capsys.readouterr().out.splitlines()


def test_list_shows_keys_and_times_and_no_content(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, count = said(capsys, "list", url, "ann")
    assert re.fullmatch("b{64}  2023-11-14T22:13:21Z  20[0-9-]{8}T[0-9:]{8}Z", first)
    assert second.startswith(KEYS[0])
    assert count == "2 sessions"
    assert said(capsys, "list", url, "cleo")[0].split()[1:] == ["2020-09-13T12:26:40Z", "never"]
    assert said(capsys, "list", url, "nobody") == ["0 sessions"]


@pytest.mark.asvs("7.4.5")
def test_destroy_ends_all_of_one_user(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "destroy", url, "ann") == ["2 sessions ended"]
    assert said(capsys, "list", url, "ann") == ["0 sessions"]
    assert said(capsys, "list", url, "bob")[-1] == "1 session"


def test_destroy_spares_the_one_that_is_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "destroy", url, "ann", "--except", KEYS[0]) == ["1 session ended"]
    assert said(capsys, "list", url, "ann")[0].startswith(KEYS[0])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("cookie:", "nothing on the server"),
        ("nothing:", "known are"),
        ("sqlite:////no/such/folder/sessions.db", "unable to open"),
        ("redis://user:secret@127.0.0.1:1/0", "Redis: ConnectionError"),
        ("postgresql://user:secret@127.0.0.1:1/d", "PostgreSQL: "),
        ("postgresql+asyncpg://user:secret@127.0.0.1:1/d", "the database: "),
    ],
)
def test_what_goes_wrong_is_one_line_without_the_password(
    url: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["destroy", url, "ann"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("sessions: ")
    assert told.err.count("\n") == 1
    assert words in told.err
    assert "secret" not in told.err


CLIENTS = {"redis": "redis", "postgres": "asyncpg", "sqlalchemy": "sqlalchemy"}
URLS = {"redis": "redis://x", "postgres": "postgresql://x", "sqlalchemy": "mariadb+asyncmy://x/y"}


@pytest.mark.parametrize("extra", CLIENTS)
def test_a_missing_client_names_its_extra(extra: str) -> None:
    """Without the extra the package imports as ever, and its store says in one line what to install."""
    name = {"redis": "RedisStore", "postgres": "PostgresStore", "sqlalchemy": "SQLAlchemyStore"}[extra]
    script = f"""
import sys
sys.modules[{CLIENTS[extra]!r}] = None
import sessions, sessions.__main__
try:
    sessions.{name}
except ImportError as fault:
    print(fault)
print(sessions.__main__.main(["purge", {URLS[extra]!r}]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    told, status = done.stdout.splitlines()
    assert re.fullmatch(rf'{name} needs [\w. ]+: pip install "sessions\[{extra}\]"', told)
    assert status == "2"
    assert done.stderr == f"sessions: {told}\n"


def test_the_clients_are_not_imported_before_they_are_used() -> None:
    script = "import sessions, sys; print({'redis', 'asyncpg', 'sqlalchemy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
