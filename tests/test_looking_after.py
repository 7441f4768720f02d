"""LOOK-1, LOOK-2: what an administrator sees of a store from the command line."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, answer, own, site

from sessions import MemoryStore, Record, SQLiteStore
from sessions import _statistics as statistics
from sessions.__main__ import main
from sessions._progress import Progress
from sessions._statistics import Statistics
from sessions.stores.walk import living

ROOT = Path(__file__).parent.parent
DAY = 24 * 3600
SECRET = "a-text-that-nobody-may-see"


async def log_in(request: Request) -> Response:
    own(request).owner = request.query_params["owner"]
    own(request)["card"] = "4000-1234"
    own(request).flash("message", "Welcome!")
    return answer()


class Filled:
    """A store with a session of ada, who has logged in, and two of visitors; and what is secret about it."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self.secrets: list[str] = []
        self.keys: list[str] = []

    async def fill(self, file: Path) -> None:
        store = SQLiteStore(file)
        app = site(log_in, store=store, expire_after=3600)
        for url in ("/write?basket=bread", "/write?basket=milk", "/log_in?owner=ada"):
            browser = Browser(app)
            await browser.get("/write?a=1")
            await browser.get(url)
            self.secrets.append(browser.cookie() or "")
        self.keys = [key async for key, _ in living(store)]
        (self.ada,) = [session.key for session in await store.sessions_of("ada")]
        await store.close()


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    made = Filled(tmp_path / "sessions.db")
    anyio.run(made.fill, tmp_path / "sessions.db")
    return made


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    told = capsys.readouterr()
    assert (told.err == "") == (code == 0)
    return told.err if code else told.out


def in_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Any]:
    return [json.loads(line) for line in said(capsys, *arguments, "--json").splitlines()]


# -- what is there -----------------------------------------------------------------------------------


@pytest.mark.promise("LOOK-1")
def test_sessions_are_counted(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "count", filled.url, "--owner", "ada") == "1 session\n"
    # The login has left a tombstone, which lasts a minute.
    assert in_json(capsys, "count", filled.url) == [{"sessions": 4}]


@pytest.mark.promise("LOOK-1", "OWN-1")
def test_all_sessions_are_listed(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    *lines, last = said(capsys, "list", filled.url).splitlines()
    assert last == "3 sessions"
    assert sorted(line.split()[0] for line in lines) == sorted(filled.keys)
    assert [line.split()[3:] for line in lines if line.startswith(filled.ada)] == [["ada"]]
    listed = in_json(capsys, "list", filled.url)
    assert sorted(each["key"] for each in listed) == sorted(filled.keys)
    assert sorted(str(each["owner"]) for each in listed) == ["None", "None", "ada"]
    assert set(listed[0]) == {"key", "created_at", "expires_at", "owner", "device_bound"}


@pytest.mark.promise("LOOK-2")
def test_show_tells_sizes_and_values_only_to_who_asks(
    filled: Filled, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = said(capsys, "show", filled.url, filled.ada)
    assert shown.startswith(filled.ada)
    assert "  card (11 bytes)\n" in shown
    assert "  message (10 bytes, flash)\n" in shown
    assert "4000-1234" not in shown
    asked = said(capsys, "show", filled.url, filled.ada, "--values")
    assert '  card (11 bytes)  "4000-1234"\n' in asked
    (plain,) = in_json(capsys, "show", filled.url, filled.ada)
    assert plain["owner"] == "ada"
    assert plain["authenticated_at"] is not None
    assert plain["values"]["card"] == {"bytes": 11, "flash": False}
    (full,) = in_json(capsys, "show", filled.url, filled.ada, "--values")
    assert full["values"]["message"] == {"bytes": 10, "flash": True, "value": "Welcome!"}


@pytest.mark.promise("LOOK-2", "SEC-5: no id on a terminal")
def test_no_command_shows_an_id(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [
        ["count"],
        ["list"],
        ["show", filled.ada, "--values"],
        ["stats"],
        ["destroy", "--key", filled.ada],
        ["destroy", "--all"],
    ]
    for name, *others in commands:
        for extra in ([], ["--json"]):
            main([name, filled.url, *others, *extra])
            told = capsys.readouterr()
            assert not any(secret in told.out + told.err for secret in filled.secrets)


def test_the_key_stands_alone_if_the_environment_or_a_file_names_the_store(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "url"
    file.write_text(filled.url)
    assert said(capsys, "show", "--url-file", str(file), filled.ada).startswith(filled.ada)
    monkeypatch.setenv("SESSIONS_STORE", filled.url)
    for command in (["show", filled.ada], ["show", "--values", filled.ada], ["show", filled.ada, "--values"]):
        assert said(capsys, *command).startswith(filled.ada)


@pytest.mark.promise("LOOK-2")
@pytest.mark.parametrize("command", [["show"], ["destroy", "--key"], ["destroy", "--owner=ada", "--except"]])
def test_an_id_in_place_of_a_key_is_refused_and_not_repeated(
    filled: Filled, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name, *others = command
    told = said(capsys, name, filled.url, *others, filled.secrets[0], code=2)
    assert "a key is 64 hexadecimal digits" in told
    assert filled.secrets[0] not in told
    assert len(in_json(capsys, "list", filled.url)) == 3


@pytest.mark.promise("LOOK-2")
@pytest.mark.parametrize("command", [["show"], ["destroy", "--key"], ["destroy", "--owner=ada", "--except"]])
@pytest.mark.parametrize("beginning", ["-", "--"])
def test_nor_is_an_id_that_looks_like_an_option(
    command: list[str], beginning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of 64 begins with a hyphen."""
    name, *others = command
    secret = beginning.ljust(43, "x")
    told = said(capsys, name, "sqlite:///missing.db", *others, secret, code=2)
    assert "a key is 64 hexadecimal digits" in told
    assert "xxx" not in told


@pytest.mark.promise("LOOK-2")
@pytest.mark.parametrize(
    "arguments",
    [
        [SECRET],
        ["list", "sqlite:///missing.db", SECRET],
        ["count", "sqlite:///missing.db", f"postgresql://ada:{SECRET}@host/db"],
        ["count", f"--{SECRET}"],
        ["count", f"--json={SECRET}"],
    ],
)
def test_no_argument_is_repeated_that_is_not_understood(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    told = capsys.readouterr()
    assert exit_.value.code == 2
    assert "not shown" in told.err
    assert SECRET not in told.out + told.err


@pytest.mark.promise("LOOK-2")
def test_a_key_without_a_session_is_an_exit_code_of_its_own(
    filled: Filled, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["show"], ["destroy", "--key"]):
        name, *others = command
        assert "no session" in said(capsys, name, filled.url, *others, "a" * 64, code=1)
    assert in_json(capsys, "destroy", filled.url, "--key", filled.ada) == [{"ended": 1}]
    assert "no session" in said(capsys, "show", filled.url, filled.ada, code=1)


def test_a_key_that_a_login_replaced_leads_to_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys: list[str] = []

    async def fill() -> None:
        store = SQLiteStore(tmp_path / "sessions.db")
        browser = Browser(site(log_in, store=store))
        await browser.get("/write?a=1")
        keys.extend([key async for key, _ in living(store)])
        await browser.get("/log_in?owner=ada")
        keys.extend([key async for key, _ in living(store)])
        await store.close()

    anyio.run(fill)
    told = said(capsys, "show", f"sqlite:///{tmp_path}/sessions.db", keys[0], code=1)
    assert told == f"sessions: this session has a newer key: {keys[1]}\n"


@pytest.mark.promise("LOOK-2")
def test_what_users_have_chosen_steers_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bell = "\x1b]0;owned\x07\n\x9b"

    async def fill() -> None:
        store = SQLiteStore(tmp_path / "sessions.db")
        record = Record(json.dumps({"data": {bell: bell}}).encode(), time.time(), time.time() + 60, 1, bell)
        await store.create("a" * 64, record)
        await store.close()

    anyio.run(fill)
    url = f"sqlite:///{tmp_path}/sessions.db"
    for command in (["list", url], ["show", url, "a" * 64], ["show", url, "a" * 64, "--values"]):
        shown = said(capsys, *command)
        assert not {"\x1b", "\x07", "\x9b"} & set(shown)
        assert "owned" in shown


# -- statistics --------------------------------------------------------------------------------------


def test_statistics_count_each_record_once_in_each_table() -> None:
    now = 1_800_000_000.0  # 2027-01-15, 08:00 UTC
    made = Statistics(now)
    for age, size, owner in [
        (60, 500, None),
        (3 * 3600, 1_000, "ann"),
        (20 * 3600, 1_001, "ann"),
        (8 * DAY, 50_000, "bob"),
        (40 * DAY, 200_000, None),
    ]:
        made.add(Record(b"x" * size, now - age, now + 60, 1, owner))
    assert made.data() == {
        "sessions": 5,
        "bytes": 252_501,
        "largest": 200_000,
        "ages": {
            "under 1 hour": 1,
            "under 1 day": 2,
            "under 7 days": 0,
            "under 30 days": 1,
            "older": 1,
        },
        "sizes": {"up to 1 kB": 2, "up to 10 kB": 1, "up to 100 kB": 1, "larger": 1},
        "without_owner": 2,
        "owners": 2,
        "owners_are_all": True,
        "most_of_one_owner": 2,
        "begun": {
            **{f"2027-01-{day:02}": 0 for day in range(2, 16)},
            "2027-01-15": 2,
            "2027-01-14": 1,
            "2027-01-07": 1,
        },
    }
    assert made.lines()[0] == "5 sessions, 253 kB, the largest 200 kB"


def test_statistics_of_any_number_of_owners_need_the_same_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "MAX_OWNERS", 3)
    made = Statistics(1e9)
    for owner in ("a", "b", "c", "d", "e", "a"):
        made.add(Record(b"", 1e9, 2e9, 1, owner))
    data = made.data()
    assert (data["owners"], data["owners_are_all"], data["most_of_one_owner"]) == (3, False, 2)
    assert any(line.split() == ["owners", "at", "least", "3"] for line in made.lines())


@pytest.mark.promise("LOOK-1")
def test_stats_are_shown(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "stats", filled.url).splitlines()
    assert lines[0].startswith("3 sessions, ")
    assert [line.split() for line in lines if "without" in line] == [["without", "an", "owner", "2"]]
    (data,) = in_json(capsys, "stats", filled.url)
    assert (data["sessions"], data["without_owner"], data["owners"]) == (3, 2, 1)
    assert list(data["begun"].values())[-1] == 3


# -- a store in use ----------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("LOOK-1")
@pytest.mark.parametrize("url", ["/log_in?owner=ada", "/rotate"])
async def test_a_session_that_gets_a_new_id_while_all_are_listed_is_not_missed(url: str) -> None:
    store = MemoryStore()
    app = site(log_in, store=store)
    browsers = [Browser(app) for _ in range(4)]
    for number, browser in enumerate(browsers):
        await browser.get(f"/write?number={number}")
    seen: list[bytes] = []
    async for key, record in living(store):
        if not seen:
            for browser in browsers[1:]:  # whose old keys are still to come, and whose new ones are not
                await browser.get(url)
            await browsers[3].get("/destroy")
        seen.append(record.payload.partition(b'"number":"')[2][:1])
        assert await store.load(key) is not None
    assert sorted(seen) == [b"0", b"1", b"2"]


@pytest.mark.anyio
async def test_a_login_is_listed_once_although_its_tombstone_comes_later() -> None:
    class NewestFirst(MemoryStore):
        async def scan(self) -> AsyncIterator[tuple[str, Record]]:
            found = [each async for each in MemoryStore.scan(self)]
            for each in reversed(found):
                yield each

    store = NewestFirst()
    browser = Browser(site(log_in, store=store))
    await browser.get("/write?a=1")
    await browser.get("/log_in?owner=ada")
    assert len([key async for key, _ in living(store)]) == 1


@pytest.mark.anyio
async def test_what_leads_to_a_session_for_longer_does_not_show_it_twice() -> None:
    """Only a tombstone that was made during the scan may lead to a session that the scan has passed by."""
    store = MemoryStore()
    now = time.time()
    await store.create("a" * 64, Record(b'{"data":{}}', now - 9000, now + 9000))
    leads = b'{"moved":{"key":"%b","seed":""}}' % (b"a" * 64)
    for number, lives in enumerate((9000, 600)):
        await store.create(f"{number:064}", Record(leads, now - 9000, now + lives))
    assert [key async for key, _ in living(store)] == ["a" * 64]


# -- what a shell sees -------------------------------------------------------------------------------


def command(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    # As in a user's shell: with this variable no output would be left for the end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen(
        [sys.executable, "-m", "sessions", *arguments],
        text=True,
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.promise("LOOK-2")
def test_who_has_read_enough_may_leave(tmp_path: Path) -> None:
    """As `head` does."""

    async def fill() -> None:
        store = SQLiteStore(tmp_path / "sessions.db")
        for number in range(3000):
            await store.create(f"{number:064x}", Record(b'{"data":{}}', 1e9, 9e9))
        await store.close()

    anyio.run(fill)
    with command("list", f"sqlite:///{tmp_path}/sessions.db", stdout=subprocess.PIPE) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        assert listing.stdout.readline().startswith("0" * 63)
        listing.stdout.close()
        assert (listing.wait(30), listing.stderr.read()) == (141, "")


@pytest.mark.promise("LOOK-2")
def test_who_has_never_read_may_leave(filled: Filled) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with command("count", filled.url, stdout=writer) as counting:
        os.close(writer)
        assert counting.stderr is not None
        assert (counting.wait(30), counting.stderr.read()) == (141, "")


@pytest.mark.promise("LOOK-2")
def test_an_answer_that_cannot_be_written_is_one_line(filled: Filled) -> None:
    with Path("/dev/full").open("w") as full, command("list", filled.url, stdout=full) as listing:
        assert listing.stderr is not None
        told = listing.stderr.read()
        assert listing.wait(30) == 2
    assert told.startswith("sessions: ")
    assert told.count("\n") == 1


@pytest.mark.promise("LOOK-2")
@pytest.mark.parametrize("name", ["count", "stats"])
def test_ctrl_c_is_one_line(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # which never answers
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        # In a session of its own, as the test's own signal must not hit anybody else.
        with command(name, url, stdout=subprocess.PIPE, start_new_session=True) as waiting:
            asked, _ = server.accept()
            assert asked.recv(1)
            os.kill(waiting.pid, signal.SIGINT)
            out, err = waiting.communicate(timeout=30)
            asked.close()
    assert (waiting.returncode, out, err) == (130, "", "sessions: interrupted\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_one_line_that_goes_away() -> None:
    terminal = Terminal()
    progress = Progress(terminal, "stats")
    progress.clear()
    assert terminal.getvalue() == ""
    progress.done = 1200
    progress.draw()
    assert terminal.getvalue().startswith("\rstats: 1200 sessions, 0 s")
    progress.clear()
    assert terminal.getvalue().endswith("\r\033[K")


@pytest.mark.anyio
async def test_progress_is_for_a_terminal_only() -> None:
    stream = io.StringIO()
    with anyio.fail_after(5):
        await Progress(stream, "stats").show()
    assert stream.getvalue() == ""


@pytest.mark.anyio
async def test_progress_goes_on_while_the_work_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions._progress.INTERVAL", 0.0)
    drawn = anyio.Event()

    class Watched(Terminal):
        def write(self, text: str) -> int:
            drawn.set()
            return super().write(text)

    terminal = Watched()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Progress(terminal, "purge").show)
        with anyio.fail_after(5):
            await drawn.wait()
        tasks.cancel_scope.cancel()
    assert "purge: 0 s" in terminal.getvalue()
