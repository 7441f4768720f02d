"""`python -m sessions` and a store whose records are encrypted: a key that is missing or wrong is said."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, OTHER_KEY, Browser, answer, own, site

from sessions import EncryptedStore, SQLiteStore
from sessions.__main__ import main

pytestmark = [pytest.mark.promise("SEAL-6"), pytest.mark.promise("LOOK-2")]

VARIABLE = "SESSIONS_ENCRYPTION_KEY"

NEED_THE_KEY = [
    ["list"],
    ["list", "--owner", "ada"],
    ["show", "a" * 64],
    ["stats"],
    ["count", "--owner", "ada"],
    ["destroy", "--owner", "ada"],
    ["destroy", "--key", "a" * 64],
]
NEED_NO_KEY = [["count"], ["purge"], ["destroy", "--all"]]


async def log_in(request: Request) -> Response:
    own(request).owner = "ada"
    own(request)["card"] = "4000-1234"
    return answer()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with a session of ada, which has just got a new id, and one of a visitor."""

    async def fill() -> None:
        store = EncryptedStore(SQLiteStore(tmp_path / "sessions.db"), KEY)
        app = site(log_in, store=store)
        ada, visitor = Browser(app), Browser(app)
        await visitor.get("/write?basket=bread")
        for url in ("/log_in", "/rotate"):
            await ada.get(url)
        await store.close()

    anyio.run(fill)
    return f"sqlite:///{tmp_path}/sessions.db"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def with_url(url: str, command: list[str]) -> list[str]:
    name, *options = command
    return [name, url, *options]


@pytest.mark.parametrize("command", NEED_THE_KEY, ids=" ".join)
@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "the records of this store are encrypted, and no encryption key is given"),
        (OTHER_KEY, "the encryption key opens no record of this store"),
        ("short", "encryption_key[0] has 5 characters, at least 32 are needed"),
    ],
    ids=["none", "another", "short"],
)
def test_without_the_right_key_a_store_does_not_seem_empty(
    command: list[str],
    key: str,
    words: str,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(VARIABLE, key)
    assert main(with_url(url, command)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"sessions: {words}")
    assert told.err.count("\n") == 1
    monkeypatch.setenv(VARIABLE, KEY)
    assert said(capsys, "count", url, "--owner", "ada") == "1 session\n"


@pytest.mark.parametrize("command", NEED_NO_KEY, ids=" ".join)
def test_what_looks_into_no_record_needs_no_key(
    command: list[str], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, *with_url(url, command))


@pytest.mark.promise("OWN-1")
def test_with_the_key_all_is_shown_as_ever(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{OTHER_KEY}\n\n{KEY}\n")
    monkeypatch.setenv(VARIABLE, OTHER_KEY)
    options = ("--encryption-key-file", str(file))
    listed = [json.loads(line) for line in said(capsys, "list", url, "--json", *options).splitlines()]
    assert sorted(str(each["owner"]) for each in listed) == ["None", "ada"]
    (key,) = [each["key"] for each in listed if each["owner"] == "ada"]
    shown = said(capsys, "show", url, key, "--values", *options)
    assert "4000-1234" in shown
    assert "owner             ada" in shown
    assert "with an owner" in said(capsys, "stats", url, *options)
    assert said(capsys, "destroy", url, "--owner", "ada", *options) == "1 session ended\n"
    assert said(capsys, "list", url, *options).endswith("\n1 session\n")


def test_the_key_is_in_the_environment_too(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, f"{OTHER_KEY}\n{KEY}")
    assert said(capsys, "destroy", url, "--owner", "ada") == "1 session ended\n"


def test_a_key_for_records_that_are_not_encrypted_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = SQLiteStore(tmp_path / "plain.db")
    url = f"sqlite:///{tmp_path}/plain.db"
    browser = Browser(site(log_in, store=store))
    anyio.run(browser.get, "/log_in")
    anyio.run(store.close)
    monkeypatch.setenv(VARIABLE, KEY)
    assert main(["list", url]) == 2
    told = capsys.readouterr().err
    assert told == "sessions: an encryption key is given, and the records of this store are not encrypted\n"
    monkeypatch.delenv(VARIABLE)
    assert said(capsys, "count", url, "--owner", "ada") == "1 session\n"


def test_an_empty_store_needs_no_right_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = SQLiteStore(tmp_path / "empty.db")
    anyio.run(store.count)
    anyio.run(store.close)
    monkeypatch.setenv(VARIABLE, KEY)
    assert said(capsys, "list", f"sqlite:///{tmp_path}/empty.db") == "0 sessions\n"


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_file_is_no_key(
    url: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    assert main(["list", url, "--encryption-key-file", str(file)]) == 2
    assert capsys.readouterr().err == "sessions: the file of the encryption key is empty\n"
    assert main(["list", url, "--encryption-key-file", str(tmp_path / "missing")]) == 2
