"""A group's subjects on uvicorn, over a socket, in bursts that alternate with the bare app's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.apps import PATHS
from bench.http_client import Crowd
from bench.in_process import PLACE, Results
from bench.settings import AT_ONCE, BROWSERS
from bench.subjects import BARE, Group

BURST = 0.35
"""Seconds of one burst."""
ROUNDS = 10
SETTLING = 0.1
"""Seconds at each path before the first round, uncounted."""


class Server:
    """uvicorn in a process of its own, with one subject."""

    def __init__(self, subject: str, place: str) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
            self.address: tuple[str, int] = listening.getsockname()
            fd = listening.fileno()
            command = [sys.executable, "-m", "bench.server", subject, str(fd)]
            self._process = subprocess.Popen(command, env={**os.environ, PLACE: place}, pass_fds=[fd])

    def cpu(self) -> float:
        """Seconds of the processor's time so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.address[1]}/cpu", timeout=30) as answer:
            return float(answer.read())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


@contextmanager
def _served(subject: str, place: str, browsers: int) -> Iterator[tuple[Server, Crowd]]:
    server = Server(subject, place)
    try:
        crowd = Crowd(server.address, browsers, AT_ONCE)
        try:
            yield server, crowd
        finally:
            crowd.close()
    finally:
        server.close()


def measure(group: Group, place: str, browsers: int = BROWSERS, burst: float = BURST) -> Results:
    """Subject → path → `cpu` of the server's process in microseconds a request, `rate` in requests a second,
    and `share`: the rate as a part of the bare app's.

    All servers take turns, burst by burst, so that a machine that is slower for a while is so for all. The
    best burst of each counts.
    """
    with ExitStack() as stack:
        bare = stack.enter_context(_served(BARE, place, 1))
        all_served = {
            subject.name: stack.enter_context(_served(subject.name, place, browsers))
            for subject in group.subjects
        }
        _settle(bare[1], [crowd for _, crowd in all_served.values()])
        bursts: dict[str, dict[str, list[tuple[float, float]]]] = {
            BARE: {"untouched": []},
            **{name: {path: [] for path in PATHS} for name in all_served},
        }
        for _ in range(ROUNDS):
            for name, served in {BARE: bare, **all_served}.items():
                for path, made in bursts[name].items():
                    made.append(_burst(*served, path, burst))
    fastest = max(rate for _, rate in bursts[BARE]["untouched"])
    return {
        name: {path: _best(made, fastest) for path, made in by_path.items()}
        for name, by_path in bursts.items()
    }


def _settle(bare: Crowd, crowds: Sequence[Crowd]) -> None:
    """Begin a session for each browser, and let all that happens once happen."""
    for crowd in crowds:
        crowd.first("/fill")
        crowd.all("/fill")
    time.sleep(1.1)  # a newborn session is extended a second later, once
    bare.burst("/untouched", SETTLING)
    for crowd in crowds:
        crowd.all("/read")
        for path in PATHS:
            crowd.burst(f"/{path}", SETTLING)


def _best(bursts: list[tuple[float, float]], fastest: float) -> dict[str, float]:
    rate = max(rate for _, rate in bursts)
    return {"cpu": min(cpu for cpu, _ in bursts), "rate": rate, "share": rate / fastest}


def _burst(server: Server, crowd: Crowd, path: str, seconds: float) -> tuple[float, float]:
    """Microseconds of the processor's time for each request, and requests a second."""
    before = server.cpu()
    number, took = crowd.burst(f"/{path}", seconds)
    return (server.cpu() - before) / number * 1e6, number / took
