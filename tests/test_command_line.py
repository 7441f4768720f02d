"""`python -m sessions`: what an administrator does to a store."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from sessions import Record, SQLiteStore, __version__
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
    first, second, count = said(capsys, "list", url, "--owner", "ann")
    assert re.fullmatch("b{64}  2023-11-14T22:13:21Z  20[0-9-]{8}T[0-9:]{8}Z  ann", first)
    assert second.startswith(KEYS[0])
    assert count == "2 sessions"
    assert said(capsys, "list", url, "--owner", "cleo")[0].split()[1:3] == ["2020-09-13T12:26:40Z", "never"]
    assert said(capsys, "list", url, "--owner", "nobody") == ["0 sessions"]


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite"])
@pytest.mark.parametrize("command", [["list", "--owner", "ann"], ["purge"], ["destroy", "--all"]])
def test_it_makes_no_database(
    tmp_path: Path, command: list[str], scheme: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *options = command
    assert main([name, f"{scheme}:///{tmp_path}/typo.db", *options]) == 2
    assert capsys.readouterr().err == f"sessions: there is no database {tmp_path}/typo.db\n"
    assert list(tmp_path.iterdir()) == []


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"sessions {__version__}\n"


@pytest.mark.asvs("7.4.5")
def test_destroy_ends_all_of_one_user(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "destroy", url, "--owner", "ann") == ["2 sessions ended"]
    assert said(capsys, "list", url, "--owner", "ann") == ["0 sessions"]
    assert said(capsys, "list", url, "--owner", "bob")[-1] == "1 session"


def test_destroy_spares_the_one_that_is_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "destroy", url, "--owner", "ann", "--except", KEYS[0]) == ["1 session ended"]
    assert said(capsys, "list", url, "--owner", "ann")[0].startswith(KEYS[0])


@pytest.mark.parametrize(
    ("url", "words", "code"),
    [
        ("cookie:", "nothing on the server", 2),
        ("memory:", "in the process of the app", 2),
        ("nothing:", "known are", 2),
        ("sqlite:////no/such/folder/sessions.db", "there is no database /no/such/folder/sessions.db", 2),
        ("redis://user:secret@127.0.0.1:1/0", "Redis: ConnectionError", 3),
        ("postgresql://user:secret@127.0.0.1:1/d", "PostgreSQL: ", 3),
        ("postgresql+asyncpg://user:secret@127.0.0.1:1/d", "the database: ", 3),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["count"],
        ["list", "--json"],
        ["show", KEYS[0]],
        ["stats"],
        ["destroy", "--owner", "ann"],
        ["destroy", "--key", KEYS[0]],
        ["destroy", "--all"],
    ],
    ids=" ".join,
)
@pytest.mark.promise("LOOK-2")
def test_what_goes_wrong_is_one_line_without_the_password(
    command: list[str], url: str, words: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *others = command
    assert main([name, url, *others]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("sessions: ")
    assert told.err.count("\n") == 1
    assert words in told.err
    assert "secret" not in told.err


@pytest.mark.promise("OWN-3")
@pytest.mark.asvs("7.4.5")
def test_destroy_ends_everybodys(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "destroy", url, "--all") == ["all sessions ended, 5 records removed"]
    for owner in ("ann", "bob", "cleo"):
        assert said(capsys, "list", url, "--owner", owner) == ["0 sessions"]


@pytest.mark.parametrize(
    "arguments", [[], ["--all", "--owner", "ann"], ["--except", KEYS[0]], ["--all", "--except", KEYS[0]]]
)
def test_destroy_is_told_whose(url: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """By a slip nobody's sessions end."""
    command = [sys.executable, "-m", "sessions", "destroy", url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--all" in done.stderr
    assert said(capsys, "list", url, "--owner", "ann")[-1] == "2 sessions"


@pytest.mark.promise("SEC-5: no password in the process list")
def test_the_url_comes_from_the_environment_or_a_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "url"
    file.write_text(f"{url}\n")
    assert said(capsys, "list", "--url-file", str(file), "--owner", "ann")[-1] == "2 sessions"
    assert main(["list", "--owner", "ann"]) == 2
    assert "SESSIONS_STORE" in capsys.readouterr().err
    monkeypatch.setenv("SESSIONS_STORE", url)
    assert said(capsys, "list", "--owner", "ann")[-1] == "2 sessions"
    assert said(capsys, "destroy", "--owner", "ann") == ["2 sessions ended"]
    monkeypatch.setenv("SESSIONS_STORE", "nothing:")
    assert said(capsys, "purge", url) == ["1 expired session removed"]
    assert main(["purge", "--url-file", str(tmp_path / "missing")]) == 2
    with pytest.raises(SystemExit):
        main(["purge", url, "--url-file", str(file)])


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
