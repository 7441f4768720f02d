"""What the services have in common: a port, a password, a folder, a log, a process group."""

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, Self

from services import process_group

STARTUP = 30.0
"""Seconds until a service must accept connections."""

TRIES = 5
"""Ports that are tried, should somebody else take a free one before the service does."""


class ServiceFailed(RuntimeError):
    """The service did not start; the message is what it said itself."""


class StartedInBlock(ABC):
    """It starts with a `with` block, and is closed at its end, or if it cannot start."""

    @abstractmethod
    def start(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Service(StartedInBlock):
    """A database server, once `start` has returned. Keep it in a `with` block, or call `close`.

    `stop` and `start` again bring it back on the same port with what it has kept.

    Each account of this machine can reach the port, so nobody gets in without the password. It is a random
    one for each service, and in no command line: the list of processes shows those to everybody.
    """

    ready: ClassVar[str]
    """What the server writes when it accepts connections."""

    farewell: ClassVar[str] = "TERM"
    """The signal that makes it end in order, without waiting for its clients."""

    user: str | None = None
    """Whom it runs as, if not as ourselves."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-"))
        self.port = 0
        self.password = secrets.token_hex(24)
        self._process: subprocess.Popen[bytes] | None = None
        self._janitor = process_group.start([f"--remove={self.folder}"], subprocess.DEVNULL)
        try:
            self.prepare()
        except BaseException:
            self.close()
            raise

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def prepare(self) -> None:
        """Put into the folder what the server needs there before its first start."""

    @abstractmethod
    def command(self) -> list[str]:
        """How to run it on `self.port` in `self.folder`, in the foreground."""

    @property
    def is_running(self) -> bool:
        """Whether it was started, and neither stopped nor killed by us since."""
        return self._process is not None

    def start(self) -> None:
        """Returns when it accepts connections. Raises `ServiceFailed` with its own output."""
        if self.port:
            self._start()
            return
        for attempt in range(TRIES):
            self.port = free_port()
            try:
                self._start()
                return
            except ServiceFailed as fault:
                if "in use" not in str(fault) or attempt == TRIES - 1:
                    raise

    def stop(self) -> None:
        """Make it end, and wait until it has."""
        if self._process is not None:
            process_group.stop(self._process)
            self._process = None

    def kill(self) -> None:
        """Kill it and all its processes at once, as a kernel does that is out of memory."""
        if self._process is not None:
            self._send(signal.SIGKILL)
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """As long as the block lasts it holds still, as on a machine that swaps: it accepts connections and
        answers nothing."""
        self._send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        """To the server and all its processes, whatever groups they have made for themselves."""
        assert self._process is not None
        for pid in _descendants(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        process_group.stop(self._janitor)

    def _start(self) -> None:
        with tempfile.TemporaryFile() as log:
            options = [f"--signal={self.farewell}", *([f"--user={self.user}"] if self.user else [])]
            self._process = process_group.start([*options, *self.command()], log.fileno())
            deadline = time.monotonic() + STARTUP
            while self.ready not in (said := _read(log.fileno())):
                ended = self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    self.stop()
                    why = "ended" if ended else f"was not ready in {STARTUP:.0f} s"
                    raise ServiceFailed(f"{type(self).__name__} {why}:\n{_read(log.fileno()) or said}")
                time.sleep(0.01)


def write_private(file: Path, text: str, user: str | None = None) -> None:
    """A file that only its owner can read: `user`, or ourselves."""
    file.touch(mode=0o600)
    if user:
        shutil.chown(file, user)
    file.write_text(text)


def run(
    command: list[str], *, user: str | None = None, cwd: Path | None = None, told: str | None = None
) -> None:
    """Run a command that ends by itself. Raises `ServiceFailed` with its output.

    `told` is its standard input, for what no command line may show.
    """
    done = subprocess.run(
        command,
        check=False,
        input=(told or "").encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=user,
        group=process_group.group_of(user) if user else None,
        extra_groups=[] if user else None,
        cwd=cwd,
    )
    if done.returncode:
        said = done.stdout.decode(errors="replace")
        raise ServiceFailed(f"{Path(command[0]).name} ended with {done.returncode}:\n{said}")


def _descendants(parent: int) -> list[int]:
    command = ["ps", "-A", "-o", "pid=,ppid="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        pid, ppid = line.split()
        children.setdefault(int(ppid), []).append(int(pid))
    found = [*children.get(parent, ())]
    for pid in found:
        found += children.get(pid, ())
    return found


def free_port() -> int:
    """Below those that a client's end of a connection gets (Linux: from 32768 on): clients that try to reach
    a server which is away would now and then meet themselves, and take its port from it."""
    while True:
        port = random.randrange(16_384, 32_768)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _read(log: int) -> str:
    return os.pread(log, 1_000_000, 0).decode(errors="replace")
