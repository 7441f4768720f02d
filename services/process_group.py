"""Run a command that cannot outlive whoever started it.

`start` runs this file as `python process_group.py [OPTION…] COMMAND…`. When its standard input closes,
because its holder asked for the end or was killed, the command gets SIGTERM, and after GRACE seconds its
whole process group gets SIGKILL. A byte on standard input asks for SIGKILL at once.

Options: `--signal=INT` is sent instead of TERM, `--user=NAME` runs the command as that user and group,
`--remove=FOLDER` removes a folder at the end. Without a command only the folder is looked after.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""


def start(
    arguments: Sequence[str],
    output: int,
    *,
    errors: int = subprocess.STDOUT,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[bytes]":
    """Run options and a command as above. What it says goes to the file descriptor `output`,
    with what it complains of, unless that has `errors` of its own.

    The command ends when the standard input of the process is closed, or when we end.
    """
    return subprocess.Popen(
        # It imports nothing but the standard library, so it starts without looking for packages (-S, -P).
        [sys.executable, "-S", "-P", __file__, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors,
        start_new_session=True,  # a Ctrl-C at the terminal is for us, who then end it in order
    )


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask for the end of what `start` has started, and wait until it has come."""
    if process.stdin and not process.stdin.closed:
        process.stdin.close()
    process.wait()


def main(arguments: list[str]) -> int:
    options: dict[str, str] = {}
    while arguments and arguments[0].startswith("--"):
        name, _, value = arguments.pop(0).removeprefix("--").partition("=")
        options[name] = value
    status = 0
    if arguments:
        status = run(arguments, signal.Signals["SIG" + options.get("signal", "TERM")], options.get("user"))
    else:
        os.read(0, 1)
    if folder := options.get("remove"):
        remove(Path(folder))
    return status


def run(command: list[str], farewell: signal.Signals, user: str | None) -> int:
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        user=user,
        group=group_of(user) if user else None,
        extra_groups=[] if user else None,
    )

    def kill_group() -> None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait_for_the_end() -> None:
        if os.read(0, 1):
            kill_group()
            return
        child.send_signal(farewell)
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            kill_group()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    status = child.wait()
    kill_group()  # workers that a crashed server may have left behind
    return status if status >= 0 else 128 - status


def group_of(user: str) -> int:
    import pwd  # noqa: PLC0415 (most commands run as ourselves)

    return pwd.getpwnam(user).pw_gid


def remove(folder: Path) -> None:
    """Again and again, as a server in another group may still be writing into it."""
    deadline = time.monotonic() + 2 * GRACE
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)


if __name__ == "__main__":
    # Not sys.exit: the thread may still wait for a standard input that stays open.
    os._exit(main(sys.argv[1:]))
