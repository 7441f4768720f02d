"""Run a command that cannot outlive whoever holds the other end of our standard input.

`python -m e2e.leash COMMAND…`. When standard input closes, because its holder asked for the end or because
it was killed, the command gets SIGTERM, and after GRACE seconds its whole process group gets SIGKILL.
A byte on standard input asks for SIGKILL at once.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""


def main(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def kill_group() -> None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def hold() -> None:
        if os.read(0, 1):
            kill_group()
            return
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            kill_group()

    threading.Thread(target=hold, daemon=True).start()
    status = child.wait()
    kill_group()  # workers that a crashed server may have left behind
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    # Not sys.exit: the thread may still wait for a standard input that stays open.
    os._exit(main(sys.argv[1:]))
