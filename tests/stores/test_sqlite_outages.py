"""What SQLiteStore does when something happens to its file. Each outage ends by itself with its cause."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, Clock, answer, own, site

from sessions import SQLiteStore, StoreUnavailable
from sessions.stores.sqlite import _file as sqlite_file
from sessions.stores.sqlite import _reads as sqlite_reads
from sessions.stores.sqlite._file import Connection
from sessions.testing.kit import a_key, a_record

from .test_sqlite import locked_by_another_process

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.promise("BAD-5: SQLite")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "sessions.db"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT", 0.1)


def is_whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# -- as an app sees it ---------------------------------------------------------------------------------


@contextmanager
def connecting(monkeypatch: pytest.MonkeyPatch, statement: str) -> Iterator[None]:
    def connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = plain(*arguments, **named)
        db.execute(statement)
        return db

    plain = sqlite3.connect
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", connect)
        yield


@contextmanager
def locked(path: Path, _: pytest.MonkeyPatch) -> Iterator[None]:
    with locked_by_another_process(path):
        yield


@contextmanager
def refusing_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a file system that was remounted to be read only."""
    with connecting(monkeypatch, "PRAGMA query_only = 1"):
        yield


@contextmanager
def without_folder(path: Path, _: pytest.MonkeyPatch) -> Iterator[None]:
    elsewhere = path.parent.with_name("elsewhere")
    path.parent.rename(elsewhere)
    yield
    elsewhere.rename(path.parent)


@contextmanager
def no_database(path: Path, _: pytest.MonkeyPatch) -> Iterator[None]:
    """Something else is in the file's place: a folder, and then a text."""
    away = path.with_name("away.db")
    path.rename(away)
    path.mkdir()
    yield
    path.rmdir()
    away.rename(path)


@contextmanager
def corrupt(path: Path, _: pytest.MonkeyPatch) -> Iterator[None]:
    away = path.with_name("away.db")
    path.rename(away)
    path.write_bytes(b"no database at all" * 1000)
    yield
    away.rename(path)


@contextmanager
def without_table(path: Path, _: pytest.MonkeyPatch) -> Iterator[None]:
    """Something else has its name."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE sessions RENAME TO away")
        db.execute("CREATE VIEW sessions AS SELECT 1 AS one")
    yield
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP VIEW sessions")
        db.execute("ALTER TABLE away RENAME TO sessions")


Outage = Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[None]]

STILL_READ: tuple[Outage, ...] = (locked, refusing_writes)
NEITHER: tuple[Outage, ...] = (without_folder, no_database, corrupt, without_table)


@pytest.mark.anyio
@pytest.mark.promise("BAD-2")
@pytest.mark.parametrize("outage", [*STILL_READ, *NEITHER])
@pytest.mark.parametrize("anew", [False, True], ids=["open", "opened anew"])
async def test_it_ends_by_itself(
    path: Path,
    outage: Outage,
    anew: bool,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = SQLiteStore(path)
    browser = Browser(site(store=store, expire_after=100))
    await browser.get("/write", user="ada")
    stranger = Browser(browser.app)
    if anew or outage in (refusing_writes, no_database, corrupt):
        await store.close()  # the files beside it go: whoever moves a database away has closed it
    clock.go(50)
    with outage(path, monkeypatch):
        reads = await browser.get("/read")
        if outage in STILL_READ:
            assert (reads.status, reads.json(), reads.set_cookies) == (200, {"user": "ada"}, [])
        else:
            assert (reads.status, reads.set_cookies) == (503, [])
        for url in ("/write?a=1", "/rotate", "/destroy"):
            response = await browser.get(url)
            assert (response.status, response.error, response.set_cookies) == (503, None, [])
        assert (await stranger.get("/write?a=1")).status == 503
        assert (await stranger.get("/read")).status == 200
    assert (await browser.get("/read")).json() == {"user": "ada"}
    assert (await browser.get("/write?a=1")).status == 200
    assert (await browser.get("/read")).json() == {"user": "ada", "a": "1"}
    assert str(browser.cookie()) not in caplog.text
    await store.close()
    assert is_whole(path)


@pytest.mark.anyio
@pytest.mark.promise("BAD-4")
async def test_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs no more room is still written, an end among it. SQLite has the error of a full disk for a
    database that may not grow, too."""
    store, large = SQLiteStore(path), "x" * 20_000
    browser = Browser(site(store=store))
    await browser.get("/write", user="ada")
    await store.close()
    with connecting(monkeypatch, "PRAGMA max_page_count = 1"):
        for _ in range(2):
            assert (await browser.get("/read")).json() == {"user": "ada"}
            assert (await browser.get("/write", a=large)).status == 503
        assert (await Browser(browser.app).get("/write", a=large)).status == 503
        with pytest.raises(StoreUnavailable, match="full"):
            await store.create(a_key(), a_record(large.encode()))
    assert (await browser.get("/write", a=large)).status == 200
    assert (await browser.get("/read")).json() == {"user": "ada", "a": large}
    await store.close()
    assert is_whole(path)


@pytest.mark.anyio
async def test_a_table_that_was_dropped_is_made_again(path: Path) -> None:
    """Its sessions are gone, and new ones begin."""
    store = SQLiteStore(path)
    browser = Browser(site(store=store))
    await browser.get("/write", user="ada")
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE sessions")
    assert (await browser.get("/read")).json() == {}
    assert (await browser.get("/write?a=1")).status == 200
    assert (await browser.get("/read")).json() == {"a": "1"}
    await store.close()


# -- another file --------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("left", [True, False], ids=["log left behind", "log removed too"])
async def test_a_file_that_was_deleted_takes_no_more_writes(path: Path, left: bool) -> None:
    store, other = SQLiteStore(path), SQLiteStore(path)
    key, newer = a_key(), a_key()
    await store.create(key, a_record())
    assert await other.load(key)
    for file in path.parent.iterdir():
        if file == path or not left:
            file.unlink()
    assert await store.load(key) is None
    assert not await store.replace(key, a_record(version=2), expected=1)
    assert await store.create(newer, a_record())
    for each in (other, SQLiteStore(path)):
        assert await each.load(newer)
        assert await each.load(key) is None
        await each.close()
    await store.close()
    assert is_whole(path)


@pytest.mark.anyio
@pytest.mark.parametrize("first", ["load", "create", "replace", "delete", "count"])
async def test_a_file_that_was_replaced_is_used_from_then_on(path: Path, first: str) -> None:
    """A backup is put back while workers run, and the log of the file that was there is left beside it."""
    backed_up, lost, made = a_key(), a_key(), a_key()
    store, other = SQLiteStore(path), SQLiteStore(path)
    await store.create(backed_up, a_record())
    await store.close()
    backup = path.with_name("backup.db")
    shutil.copy(path, backup)
    for _ in range(200):  # so that the log holds pages which are others in the backup
        await store.create(a_key(), a_record(b"x" * 500))
    await store.create(lost, a_record())
    assert await other.load(lost)
    os.replace(backup, path)
    match first:
        case "load":
            assert await store.load(backed_up)
        case "create":
            assert await store.create(lost, a_record())
            await store.delete(lost)
        case "replace":
            assert not await store.replace(lost, a_record(version=2), expected=1)
        case "delete":
            await store.delete(lost)
        case "count":
            assert await store.count() == 1
    for each in (store, other):
        assert await each.load(lost) is None
        assert await each.load(backed_up)
    assert await other.create(made, a_record())
    assert await store.load(made)
    assert await SQLiteStore(path).count() == 2
    await store.close()
    await other.close()
    assert is_whole(path)


@pytest.mark.anyio
async def test_a_file_that_was_moved_is_whole_where_it_is(path: Path) -> None:
    store, key = SQLiteStore(path), a_key()
    await store.create(key, a_record())
    elsewhere = path.with_name("elsewhere.db")
    path.rename(elsewhere)
    assert await store.load(key) is None
    await store.close()
    moved = SQLiteStore(elsewhere)
    assert await moved.load(key)
    await moved.close()


@pytest.mark.anyio
async def test_a_relative_path_counts_from_where_the_store_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store, key = SQLiteStore("sessions.db"), a_key()
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    await store.create(key, a_record())
    await store.close()
    monkeypatch.chdir(tmp_path)
    assert await store.load(key)
    await store.close()
    assert list(other.iterdir()) == []


@pytest.mark.parametrize("path", [None, 1, b"sessions.db"])
def test_what_is_no_path(path: Any) -> None:
    with pytest.raises(TypeError, match="path"):
        SQLiteStore(path)


def test_a_path_with_a_nul_character() -> None:
    with pytest.raises(ValueError, match="NUL"):
        SQLiteStore("a\0b")


# -- a fork --------------------------------------------------------------------------------------------


def test_a_forked_child_opens_the_file_anew(path: Path) -> None:
    """As gunicorn does with `--preload`. The parent closes its connections while the child works; had the
    child one of them, it would write into a log that is not there any more."""
    context = get_context("fork")
    store = SQLiteStore(path)
    before, by_child, at_last = a_key(), a_key(), a_key()
    opened, closed = context.Event(), context.Event()
    anyio.run(store.create, before, a_record())

    def in_child() -> None:
        async def work() -> None:
            assert await store.load(before)
            assert await store.create(by_child, a_record())
            opened.set()
            assert closed.wait(30)
            assert await store.create(at_last, a_record())
            assert await store.load(by_child)

        anyio.run(work)
        os._exit(0)  # without closing anything, as a process that is killed

    child = context.Process(target=in_child)
    child.start()
    assert opened.wait(30)

    async def in_parent() -> None:
        assert await store.load(by_child)
        await store.close()
        closed.set()

    anyio.run(in_parent)
    child.join(30)
    assert child.exitcode == 0

    async def afterwards() -> None:
        for key in (before, by_child, at_last):
            assert await store.load(key)
        await store.close()

    anyio.run(afterwards)
    assert is_whole(path)


def test_a_fork_in_the_middle_of_writes(path: Path) -> None:
    """Those that wait are the parent's: they are done once, and the child can write by itself."""
    context = get_context("fork")
    store = SQLiteStore(path)
    keys, by_child = [a_key() for _ in range(50)], a_key()

    async def create(store: SQLiteStore) -> None:
        assert await store.create(by_child, a_record())

    def in_child() -> None:
        # In a thread without an event loop: the child has the parent's in this one.
        thread = Thread(target=anyio.run, args=(create, store))
        thread.start()
        thread.join()
        os._exit(0)

    async def in_parent() -> None:
        async with anyio.create_task_group() as tasks:
            for number, key in enumerate(keys):
                tasks.start_soon(store.create, key, a_record())
                if number % 10 == 5:
                    await anyio.lowlevel.checkpoint()
                if number == 25:
                    child.start()
        await anyio.to_thread.run_sync(child.join, 30)
        assert child.exitcode == 0
        assert await store.count() == 51
        await store.close()

    child = context.Process(target=in_child)
    anyio.run(in_parent)


# -- readers and writers -------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_no_read_waits_for_writers_that_wait_for_a_lock(path: Path) -> None:
    store, key = SQLiteStore(path), a_key()
    await store.create(key, a_record(owner="ann"))
    assert await store.load(key)
    written: list[bool] = []

    async def write(number: int) -> None:
        written.append(await store.create(a_key(), a_record()))

    async with anyio.create_task_group() as tasks:
        with locked_by_another_process(path), anyio.fail_after(4):  # a write would wait for five seconds
            for number in range(8):
                tasks.start_soon(write, number)
            await anyio.lowlevel.checkpoint()
            for _ in range(3):
                assert await store.load(key)
                assert len(await store.owned_by("ann")) == 1
            assert written == []
    assert written == [True] * 8
    # Nor for another lock, in the event loop: that is for a thread.
    for reader in store._reads._idle:
        assert reader.use(lambda db: db.execute("PRAGMA busy_timeout").fetchone()) == (0,)
    await store.close()


@pytest.mark.anyio
async def test_reads_leave_the_event_loop_while_the_disk_is_slow(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, key = SQLiteStore(path), a_key()
    await store.create(key, a_record())
    assert await store.load(key)
    now, slow, in_threads, blocks = 1000.0, False, 0, 0
    use, in_thread = Connection.use, sqlite_reads.Reads.in_thread

    def slowly(self: Connection, work: Any) -> Any:
        nonlocal now, blocks
        blocks += slow
        now += 0.03 if slow else 0.001
        return use(self, work)

    async def counted(self: Any, work: Any, **named: Any) -> Any:
        nonlocal in_threads
        in_threads += 1
        return await in_thread(self, work, **named)

    monkeypatch.setattr(sqlite_reads, "_blocks_read", lambda: blocks)
    monkeypatch.setattr(sqlite_reads, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(Connection, "use", slowly)
    monkeypatch.setattr(sqlite_reads.Reads, "in_thread", counted)
    for slow, expected in ((False, 0), (True, 0), (True, 1), (False, 2)):  # noqa: B007
        assert await store.load(key)
        assert in_threads == expected
    now += sqlite_reads.SLOW_FOR
    assert await store.load(key)
    assert in_threads == 2
    # While the processor is busy with others, a thread would only wait twice.
    slow = True
    monkeypatch.setattr(sqlite_reads, "_blocks_read", lambda: 1000)
    store._reads._blocks = 1000
    for _ in range(2):
        assert await store.load(key)
        assert in_threads == 2
    await store.close()


@pytest.mark.anyio
async def test_a_write_that_no_database_takes_fails_no_other(path: Path) -> None:
    store = SQLiteStore(path)
    keys, wrong = [a_key() for _ in range(20)], a_key()
    caught: list[Exception] = []

    async def create(key: str, version: int) -> None:
        try:
            assert await store.create(key, a_record(version=version))
        except OverflowError as fault:
            caught.append(fault)

    async with anyio.create_task_group() as tasks:
        for number, key in enumerate([*keys[:10], wrong, *keys[10:]]):
            tasks.start_soon(create, key, 2**70 if key == wrong else number)
    assert len(caught) == 1
    assert await store.count() == 20
    await store.close()


# -- who does not wait for the end ---------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("CONC-5")
@pytest.mark.parametrize("way", ["plain", "rotate", "begin"])
async def test_a_save_that_is_given_up_and_repeated_counts_once(path: Path, way: str) -> None:
    store = SQLiteStore(path)

    async def act(request: Request) -> Response:
        session = own(request)
        session.increment("n")
        if way == "rotate":
            session.rotate()
        with locked_by_another_process(path):
            for _ in range(3):
                with anyio.move_on_after(0.05) as scope:
                    await session.save()
                assert scope.cancelled_caught
        session.increment("n")
        await session.save()
        return answer(session["n"])

    browser = Browser(site(act, store=store))
    if way != "begin":
        await browser.get("/write?a=1")
    assert (await browser.get("/act")).json() == 2
    assert (await browser.get("/read")).json() == ({"n": 2} if way == "begin" else {"a": "1", "n": 2})
    assert await store.count() == (2 if way == "rotate" else 1)
    await store.close()


@pytest.mark.anyio
@pytest.mark.promise("CONC-5")
async def test_saves_that_are_given_up_at_any_moment_count_once(path: Path) -> None:
    """The commit may be done, and its answer on the way."""
    store = SQLiteStore(path)

    async def act(request: Request) -> Response:
        session = own(request)
        session.increment("n")
        with anyio.move_on_after(int(request.query_params["steps"]) * 2e-5):
            await session.save()
        return answer()

    browser = Browser(site(act, store=store))
    await browser.get("/write?a=1")
    for steps in range(150):
        assert (await browser.get(f"/act?steps={steps}")).status == 200
    assert (await browser.get("/read")).json() == {"a": "1", "n": 150}
    await store.close()


@pytest.mark.anyio
async def test_a_write_that_is_given_up_before_it_begins_is_not_done(path: Path) -> None:
    store, key = SQLiteStore(path), a_key()
    await store.create(key, a_record())
    first, second = a_key(), a_key()
    async with anyio.create_task_group() as tasks:
        with locked_by_another_process(path):
            tasks.start_soon(store.create, first, a_record())
            await anyio.sleep(0.05)  # the thread is at the first by now, or will be
            with anyio.move_on_after(0.05):
                await store.create(second, a_record())
    assert await store.load(first)
    assert await store.load(second) is None
    await store.close()


# -- a file and a folder that may not be written -------------------------------------------------------


READ_ONLY = textwrap.dedent(
    """
    import os, sys
    import anyio
    from sessions import SQLiteStore, StoreUnavailable
    from sessions.testing.kit import a_key, a_record

    path, kind, is_open = sys.argv[1], sys.argv[2], sys.argv[3] == "open"
    if os.getuid() == 0:  # whom no mode keeps out
        for folder in (os.path.dirname(path),):
            for name in os.listdir(folder):
                os.chown(os.path.join(folder, name), 65534, 65534)
            os.chown(folder, 65534, 65534)
        os.setgid(65534)
        os.setuid(65534)
    target, mode = (path, 0o400) if kind == "file" else (os.path.dirname(path), 0o500)
    usual = 0o600 if kind == "file" else 0o700

    async def main():
        store, key = SQLiteStore(path), a_key()
        assert await store.create(key, a_record())
        holder = SQLiteStore(path)
        assert await holder.load(key)  # another worker, which keeps the log in its place
        if not is_open:
            await store.close()
        os.chmod(target, mode)
        assert await store.load(key)
        if kind == "file" and not is_open:
            for call in (store.create(a_key(), a_record()), store.delete(key), store.purge()):
                try:
                    await call
                except StoreUnavailable as fault:
                    assert "readonly" in str(fault), fault
                else:
                    raise AssertionError("it was written")
            assert await store.load(key)
        os.chmod(target, usual)
        assert await store.replace(key, a_record(version=2), expected=1)
        assert (await store.load(key)).version == 2
        await store.close()
        await holder.close()

    anyio.run(main)
    print("done")
    """
)


@pytest.mark.promise("BAD-4")
@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("is_open", ["open", "opened anew"])
def test_what_may_not_be_written_is_read_and_written_again_later(kind: str, is_open: str) -> None:
    """In a process of its own, as nobody: root may write everything."""
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"sessions-{os.getpid()}-{kind}-{len(is_open)}"  # noqa: S108
    folder.mkdir(mode=0o700)
    try:
        command = [sys.executable, "-c", READ_ONLY, str(folder / "sessions.db"), kind, is_open]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == ("done\n", "")
    finally:
        shutil.rmtree(folder)


@pytest.mark.anyio
async def test_an_error_says_what_it_is(path: Path, impatient: None) -> None:
    store = SQLiteStore(path)
    await store.create(a_key(), a_record())
    with locked_by_another_process(path), pytest.raises(StoreUnavailable, match="database is locked"):
        await store.create(a_key(), a_record())
    await store.close()
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreUnavailable, match="file is not a database"):
        await store.load(a_key())
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        await store.load(a_key())
