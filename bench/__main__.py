"""`python -m bench [--http] [--store GROUP…] [--page]`: see the package.

Goals are shown, not enforced: a busy machine must not fail anything.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import over_http
from bench.in_process import PLACE, Results
from bench.results import keep, shown
from bench.subjects import GROUPS, Group
from services import running


@contextmanager
def place_of(group: Group) -> Iterator[str]:
    """Where the group's stores are, as long as the block lasts."""
    if group.service is None:
        yield ""
    elif group.service == "file":
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder) / "sessions.db")
    else:
        with running(group.service) as url:
            yield url


def in_process(group: Group) -> Results:
    with place_of(group) as place:
        command = [sys.executable, "-m", "bench.in_process", group.name]
        done = subprocess.run(command, env={**os.environ, PLACE: place}, stdout=subprocess.PIPE, check=True)
        results: Results = json.loads(done.stdout)
        return results


def http(group: Group) -> Results:
    with place_of(group) as place:
        return over_http.measure(group, place)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--http", action="store_true", help="on uvicorn, over a socket")
    names = [group.name for group in GROUPS]
    parser.add_argument("--store", action="append", choices=names, help="one group, or several times")
    parser.add_argument(
        "--page", action="store_true", help="write docs/speed.md, its numbers and its picture"
    )
    options = parser.parse_args()
    kind, measured = ("http", http) if options.http else ("in process", in_process)
    results = {}
    for group in GROUPS:
        if not options.store or group.name in options.store:
            print(f"{group.name} …", file=sys.stderr, flush=True)
            results[group.name] = measured(group)
            print(shown(kind, group, results[group.name]), flush=True)
    if options.page:
        keep(kind, results)


if __name__ == "__main__":
    main()
