"""SQLiteStore keeps the promises of a store, also among processes, killed ones, and when its file is away."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sessions import SQLiteStore, StoreUnavailable
from sessions.stores import sqlite
from sessions.stores.sqlite import _file as sqlite_file
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore, a_key, a_record
from sessions.testing.requests import Visitor

from . import counter

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "sessions.db"


@pytest.fixture
def store(path: Path) -> SQLiteStore:
    path.parent.mkdir()
    return SQLiteStore(path)


class TestSQLiteStore(StoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda: SQLiteStore(tmp_path / "sessions.db")


@pytest.mark.anyio
class TestProcesses:
    async def test_four_processes_count_exactly(self, store: SQLiteStore, path: Path) -> None:
        """CONC-2: no increment of any process is lost."""
        browser = Visitor(store)
        await browser.write(count=0)
        workers = [worker(path, browser, times=50) for _ in range(4)]
        for process in workers:
            assert process.communicate(timeout=60)[0] == b"." * 50
            assert process.returncode == 0
        assert (await browser.read())["count"] == 200
        await store.close()

    async def test_a_killed_process_loses_nothing_acknowledged(self, store: SQLiteStore, path: Path) -> None:
        """BAD-3: after `kill -9` in the middle of writing, all that was acknowledged is there, and whole."""
        browser = Visitor(store)
        await browser.write(count=0)
        acknowledged, killed = 0, 5
        for number in range(killed):
            process = worker(path, browser, times=100_000)
            assert process.stdout is not None
            acknowledged += len(process.stdout.read(20 + 7 * number))
            process.kill()
            acknowledged += len(process.stdout.read())
            process.wait(timeout=60)
            process.stdout.close()
        seen = await browser.read()
        # Of each process one more may have been saved that it had no time left to speak of.
        assert acknowledged <= seen["count"] <= acknowledged + killed
        letter = chr(ord("a") + (seen["count"] - 1) % 26)
        assert seen["text"] == letter * counter.PADDING
        await store.close()
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.anyio
class TestAway:
    async def test_without_its_folder_and_back(self, store: SQLiteStore, path: Path) -> None:
        """BAD-2: while the folder is missing the store is unavailable; when it is back, so are sessions."""
        key, record, elsewhere = a_key(), a_record(owner="ann"), path.parent.with_name("elsewhere")
        await store.create(key, record)
        await store.close()
        path.parent.rename(elsewhere)
        await assert_unavailable(store, key)
        elsewhere.rename(path.parent)
        assert await store.load(key) == record
        await store.close()

    async def test_with_something_else_in_place_of_the_file(self, store: SQLiteStore, path: Path) -> None:
        """BAD-2: a file that is no database makes the store unavailable, and is not touched."""
        key, record, away = a_key(), a_record(owner="ann"), path.with_name("away.db")
        await store.create(key, record)
        await store.close()
        path.rename(away)
        path.write_bytes(b"no database at all" * 1000)
        await assert_unavailable(store, key)
        assert path.read_bytes() == b"no database at all" * 1000
        path.unlink()
        path.mkdir()
        await assert_unavailable(store, key)
        path.rmdir()
        away.rename(path)
        assert await store.load(key) == record
        await store.close()

    async def test_while_another_process_holds_the_lock(
        self, store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """BAD-2: who waits for another's write too long is told so; reads go on, and so do writes later."""
        monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT", 0.1)
        key, record, newer = a_key(), a_record(), a_record(version=2)
        await store.create(key, record)
        with locked_by_another_process(path):
            assert await store.load(key) == record
            for write in (
                store.replace(key, newer, expected=1),
                store.create(a_key(), record),
                store.delete(key),
                store.purge(),
            ):
                with pytest.raises(StoreUnavailable):
                    await write
            assert await store.load(key) == record
        assert await store.replace(key, newer, expected=1)
        assert await store.load(key) == newer
        await store.close()

    async def test_a_short_lock_is_waited_for(self, store: SQLiteStore, path: Path) -> None:
        """A write that has to wait for another's is late, and not refused."""
        key = a_key()
        await store.create(key, a_record())
        with locked_by_another_process(path, seconds=0.5):
            assert await store.replace(key, a_record(version=2), expected=1)
        await store.close()

    async def test_more_expired_records_than_one_statement_purges(
        self, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """EXP-5: a purge goes on until nothing is left."""
        monkeypatch.setattr(sqlite, "BATCH", 10)
        for _ in range(30):
            await store.create(a_key(), a_record(lives=-1))
        assert await store.purge() == 30
        await store.close()


def worker(path: Path, browser: Visitor, times: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.stores.counter", str(path), str(browser.cookie), str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)


async def assert_unavailable(store: SQLiteStore, key: str) -> None:
    for call in (
        store.load(key),
        store.create(a_key(), a_record()),
        store.replace(key, a_record(version=2), expected=1),
        store.delete(key),
        store.owned_by("ann"),
        store.purge(),
    ):
        with pytest.raises(StoreUnavailable) as caught:
            await call
        assert key not in str(caught.value)


LOCK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
import time
time.sleep(float(sys.argv[2])) if float(sys.argv[2]) else sys.stdin.read()
db.execute("ROLLBACK")
"""


@contextmanager
def locked_by_another_process(path: Path, seconds: float = 0) -> Iterator[None]:
    """Until the block ends, or as long as it says."""
    command = [sys.executable, "-c", LOCK, str(path), str(seconds)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield
        process.stdin.close()
        assert process.wait(timeout=30) == 0
