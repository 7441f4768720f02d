"""BAD-3: a worker that is killed in mid-request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import anyio
import pytest
from support import Browser, site

from sessions import SQLiteStore

WORKER = textwrap.dedent(
    """
    import anyio
    from support import Browser, site
    from sessions import SQLiteStore

    async def main(path, cookie):
        browser = Browser(site(store=SQLiteStore(path)))
        browser.plant(cookie)
        while True:
            reply = await browser.get("/increment")
            assert reply.status == 200, reply
            print(reply.json(), flush=True)  # acknowledged

    if __name__ == "__main__":
        import sys
        anyio.run(main, *sys.argv[1:])
    """
)


@pytest.mark.promise("BAD-3")
def test_no_acknowledged_change_is_lost_and_no_half_record_is_left(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    tests = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"}

    async def begin() -> str:
        browser = Browser(site(store=SQLiteStore(path)))
        await browser.get("/write", a="1")
        return browser.cookie() or ""

    async def count() -> int:
        kept = await Browser(site(store=SQLiteStore(path))).replayed(cookie)
        assert kept.pop("a") == "1"
        return int(kept.pop("n", 0))

    cookie = anyio.run(begin)
    for rounds in range(5):
        before = anyio.run(count)
        command = [sys.executable, str(script), str(path), cookie]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout
            acknowledged = [worker.stdout.readline() for _ in range(3 + 7 * rounds)]
            worker.send_signal(signal.SIGKILL)
            acknowledged += worker.stdout.readlines()
        after = anyio.run(count)
        last = int(acknowledged[-1])
        assert last > before
        assert after in (last, last + 1)  # saved and not yet said is no loss
