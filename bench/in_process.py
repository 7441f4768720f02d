"""`python -m bench.in_process GROUP`: one group of subjects, without a socket; the results as JSON.

A group has a process of its own, as Django has one configuration for each. Its subjects take turns in short
bursts, so that a busy machine slows all of them, and the best burst counts. The processor's time is that of
this process, all threads included; what a database server takes is not in it.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvloop

from bench.apps import PATHS, Asgi
from bench.settings import AT_ONCE, BROWSERS
from bench.subjects import BARE, GROUPS, Group, bare

PLACE = "BENCH_PLACE"
"""The variable that says where the store is. A URL has a password, which no command line may show."""

BURST = 0.08
"""Seconds of one burst. Twice as long where there is a store to ask."""
ROUNDS = 6
SETTLING = 0.02
"""Seconds before each burst that do not count: a real process serves one of these subjects only, and its
interpreter has specialized itself to that one."""

Send = Callable[[str], Awaitable[None]]
Results = dict[str, dict[str, dict[str, float]]]
"""Subject → `PATH MODE` → `cpu` and `wall`, in microseconds a request."""

_HEADERS = [
    (b"host", b"example.org"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"text/html,application/xhtml+xml"),
    (b"accept-language", b"en"),
    (b"accept-encoding", b"gzip, deflate, br"),
]


class Browser:
    """Keeps the one cookie that it is sent, and takes each newer one."""

    def __init__(self, asgi: Asgi) -> None:
        self._asgi = asgi
        self._headers = _HEADERS

    async def send(self, path: str) -> None:
        """Raises `RuntimeError` if the answer is not 200."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": self._headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        await self._asgi(scope, _receive, self._take)

    async def _take(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            if message["status"] != 200:
                raise RuntimeError(f"answered {message['status']}")
            for name, value in message["headers"]:
                if name == b"set-cookie":
                    self._headers = [*_HEADERS, (b"cookie", value.partition(b";")[0])]


async def _receive() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


class Crowd:
    """The browsers of one subject."""

    def __init__(self, asgi: Asgi, number: int) -> None:
        self._browsers = [Browser(asgi) for _ in range(number)]
        self._one = [Browser(asgi)]
        self._turns = itertools.cycle(self._browsers)
        self._only = itertools.cycle(self._one)

    async def all(self, path: str) -> None:
        """Each browser sends one request; the first one alone, so that what is made once is there."""
        for browser in (*self._one, self._browsers[0]):
            await browser.send(path)
        rest = iter(self._browsers[1:])
        await asyncio.gather(*[_send_all(rest, path, float("inf")) for _ in range(AT_ONCE)])

    async def burst(self, path: str, mode: str, seconds: float) -> tuple[float, float]:
        """The processor's and the clock's microseconds for each of the requests of a burst."""
        turns = self._only if mode == "one" else self._turns
        cpu, start = time.process_time(), time.perf_counter()
        until = start + seconds
        if mode == "at once":
            number = sum(await asyncio.gather(*[_send_all(turns, path, until) for _ in range(AT_ONCE)]))
        else:
            number = await _send_all(turns, path, until)
        cpu, clock = time.process_time() - cpu, time.perf_counter() - start
        return cpu / number * 1e6, clock / number * 1e6


async def _send_all(browsers: Iterator[Browser], path: str, until: float) -> int:
    number = 0
    for browser in browsers:
        await browser.send(path)
        number += 1
        if time.perf_counter() >= until:
            break
    return number


async def measure(group: Group, place: str, browsers: int = BROWSERS, burst: float = 0.0) -> Results:
    """`MODE` is `many` (browsers in turn), `at once` (of many, where there is a store) or `one` (browser)."""
    crowds = {BARE: Crowd(bare(place), 1)}
    crowds |= {subject.name: Crowd(subject.make(place), browsers) for subject in group.subjects}
    for name, crowd in crowds.items():
        if name != BARE:
            await crowd.all("/fill")
    await asyncio.sleep(1.1)  # a newborn session is extended a second later, once
    for name, crowd in crowds.items():
        if name != BARE:
            await crowd.all("/read")
    modes = ("many", "at once", "one") if group.service else ("many", "one")
    burst = burst or (2 * BURST if group.service else BURST)
    results: Results = {name: {} for name in crowds}
    for _ in range(ROUNDS):
        for name, crowd in crowds.items():
            gc.collect()
            for path in PATHS if name != BARE else PATHS[:1]:
                for mode in modes:
                    await crowd.burst(f"/{path}", mode, SETTLING)
                    cpu, wall = await crowd.burst(f"/{path}", mode, burst)
                    best = results[name].setdefault(f"{path} {mode}", {"cpu": cpu, "wall": wall})
                    best["cpu"], best["wall"] = min(best["cpu"], cpu), min(best["wall"], wall)
    return results


def main() -> None:
    group = next(each for each in GROUPS if each.name == sys.argv[1])
    json.dump(uvloop.run(measure(group, os.environ.get(PLACE, ""))), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # the subjects' own threads and pools need not be closed


if __name__ == "__main__":
    main()
