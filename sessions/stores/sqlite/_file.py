"""One SQLite database file: connections to it, and what can become of it while they are open."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from sessions.errors import StoreUnavailable
from sessions.stores.files import make_private
from sessions.stores.forks import tell_of_forks

T = TypeVar("T")

logger = logging.getLogger("sessions")

BUSY_TIMEOUT: Final = 5.0
"""Seconds that a write waits for another process's write before the store counts as unavailable."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    key TEXT PRIMARY KEY,
    payload BLOB NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    version INTEGER NOT NULL,
    owner TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_expires_at ON sessions (expires_at);
CREATE INDEX IF NOT EXISTS sessions_owner ON sessions (owner) WHERE owner IS NOT NULL;
"""

_BESIDE: Final = ("-wal", "-shm")
"""What SQLite puts beside the file while it is open: the write-ahead log, and the index of that."""

Identity = tuple[int, int]
"""Of a file, whatever its name: device and inode."""


class Gone(sqlite3.OperationalError):
    """The connection leads to no file any more, or to another one than is there: another is to be opened."""


class Connection:
    """A connection that one thread uses at a time."""

    def __init__(self, path: str, db: sqlite3.Connection, identity: Identity | None) -> None:
        self.path = path
        self.db: sqlite3.Connection | None = db
        self.identity = identity
        self.beside = {path + end: _identity(path + end) for end in _BESIDE}
        self.lock = Lock()

    def use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What the work returns. It is one transaction, or one statement.

        Raises `Gone` if another file is at this place when it is done: what was written is in the other one.
        """
        with self.lock:
            if self.db is None:
                raise Gone("the connection was closed")
            result = work(self.db)
        if _identity(self.path) != self.identity:
            raise Gone("the database file was moved, removed or replaced")
        return result

    def close(self) -> None:
        """Whoever uses it now comes to an end first."""
        with self.lock:
            self.shut()

    def shut(self) -> None:
        """The same for who has the lock."""
        db, self.db = self.db, None
        if db is not None:
            db.close()


class DatabaseFile:
    """Opens connections to one file and closes them, also before the process is forked.

    SQLite's locks are the process's own. A child that went on with a connection would write as if it had
    locks that only its parent has.
    """

    def __init__(self, path: str) -> None:
        """`path` is absolute."""
        self.path = path
        self._connections: set[Connection] = set()
        self._opening = Lock()
        tell_of_forks(self)

    def connect(self, *, timeout: float, makes_storage: bool) -> Connection:
        """Raises `sqlite3.Error`. `timeout`: seconds that a statement waits for another process's lock."""
        with self._opening:
            if makes_storage:
                make_private(self.path)
            # Before SQLite looks at what stands beside it.
            identity = _identity(self.path)
            for connection in self._connections:
                if connection.identity != identity:
                    self._tidy_up_after(connection)
            db = sqlite3.connect(
                f"{Path(self.path).as_uri()}?mode={'rwc' if makes_storage else 'rw'}",
                uri=True,
                timeout=BUSY_TIMEOUT,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=16,
            )
            try:
                # Each statement is its own transaction: a reader that turns writer could get SQLITE_BUSY.
                if makes_storage:
                    _use_wal(db)
                    db.executescript(_SCHEMA)
                db.execute("PRAGMA synchronous = NORMAL")
                db.execute("PRAGMA schema_version").fetchone()  # the first look makes the files beside it
                db.execute(f"PRAGMA busy_timeout = {round(timeout * 1000)}")
                connection = Connection(self.path, db, identity)
                if identity is None or _identity(self.path) != identity:
                    raise Gone("the database file was replaced while it was opened")
            except BaseException:
                db.close()
                raise
            self._connections.add(connection)
            return connection

    def discard(self, connection: Connection) -> None:
        """Close a connection that is of no use any more."""
        with self._opening:
            if _identity(self.path) != connection.identity:
                self._tidy_up_after(connection)
            connection.close()
            self._connections.discard(connection)

    def _tidy_up_after(self, connection: Connection) -> None:
        """Remove what the file that was here has left beside it.

        SQLite would take its log for that of the file that is here now, and write one's pages into the other.
        """
        if connection.db is None or not connection.beside:
            return
        logger.warning("the database file of the sessions was moved, removed or replaced while it was open")
        with suppress(sqlite3.Error):
            # If the other file is only somewhere else, it is whole by this.
            connection.use(lambda db: db.execute("PRAGMA wal_checkpoint").fetchone())
        try:
            folder = os.open(os.path.dirname(self.path), os.O_RDONLY)
        except OSError:
            return
        try:
            # Another process may be doing the same, and have a new log there by now, which is another file.
            fcntl.flock(folder, fcntl.LOCK_EX)
            for path, identity in connection.beside.items():
                if identity is not None and _identity(path) == identity:
                    with suppress(OSError):
                        os.unlink(path)
        finally:
            os.close(folder)
        connection.beside = {}

    def close(self) -> None:
        """Close all connections."""
        with self._opening:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def before_fork(self) -> None:
        self._opening.acquire()
        for connection in self._connections:
            connection.lock.acquire()
            connection.shut()

    def after_fork(self, *, in_child: bool) -> None:
        for connection in self._connections:
            connection.lock.release()
        self._connections.clear()
        self._opening.release()


def unavailable(fault: sqlite3.Error) -> StoreUnavailable:
    """SQLite's own messages speak of files and tables; they quote no values."""
    return StoreUnavailable(f"SQLite: {fault}")


def is_busy(fault: sqlite3.Error) -> bool:
    """Whether another process had a lock for too long."""
    return getattr(fault, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _use_wal(db: sqlite3.Connection) -> None:
    """Turn the write-ahead log on. For the lock that the first one needs SQLite itself does not wait."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as fault:
            if not is_busy(fault) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
