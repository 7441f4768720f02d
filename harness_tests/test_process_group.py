"""A server under test ends with whoever started it, however that ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RUN = [sys.executable, "-m", "services.process_group"]
SLEEPER = [sys.executable, "-c", "import os, time; os.write(1, b'%d\\n' % os.getpid()); time.sleep(60)"]


def has_ended(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_it_ends_when_its_holder_is_killed() -> None:
    holder_code = (
        "import subprocess, sys, time\n"
        "holder = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\n"
        "time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", holder_code, *RUN, *SLEEPER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    sleeper = int(holder.stdout.readline())
    holder.kill()
    holder.wait()
    assert has_ended(sleeper)


@pytest.mark.parametrize("word", [b"", b"k"], ids=["asked", "killed"])
def test_it_ends_on_demand_with_all_its_children(word: bytes) -> None:
    parent = [
        sys.executable,
        "-c",
        "import subprocess, sys; subprocess.Popen(sys.argv[1:]); subprocess.run(sys.argv[1:])",
    ]
    holder = subprocess.Popen(
        [*RUN, *parent, *SLEEPER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout
    assert holder.stdin
    sleepers = [int(holder.stdout.readline()) for _ in range(2)]
    holder.stdin.write(word)
    holder.stdin.close()
    holder.wait()
    assert all(has_ended(pid) for pid in sleepers)


def test_it_ends_with_the_commands_own_status() -> None:
    holder = subprocess.Popen(
        [*RUN, sys.executable, "-c", "raise SystemExit(3)"], cwd=ROOT, stdin=subprocess.PIPE
    )
    assert holder.wait() == 3
