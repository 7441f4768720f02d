"""`python -m bench`: added microseconds per request over the bare app, in-process, no socket.

Every number of a table comes from one run, and subjects take turns in short rounds, so that a busy
machine slows all of them. Only the ratios mean something elsewhere. Time is the
processor's, so that a busy neighbour does not count.
"""

from __future__ import annotations

import asyncio
import gc
import platform
import time
from http.cookies import SimpleCookie
from importlib.metadata import version
from typing import Any

from bench.subjects import (
    OURS_COOKIE,
    OURS_MEMORY,
    STARLETTE,
    STARSESSIONS_MEMORY,
    SUBJECTS,
    app,
)

ROUNDS = 12
REQUESTS = 1_000
SETTLING = 2_000
"""Requests before each round that do not count: a real process serves one of these subjects only, and its
interpreter has specialized itself to that one."""
LIVE_SESSIONS = (10, 1_000, 100_000)
ALLOWED_US = 5.0


class Client:
    """Sends one request again and again, with the cookies that it was given; the server is a function."""

    def __init__(self, asgi: Any) -> None:
        self.asgi = asgi
        self.cookies: dict[str, str] = {}

    def request(self, path: str) -> dict[str, Any]:
        headers = [
            (b"host", b"example.org"),
            (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            (b"accept", b"text/html,application/xhtml+xml"),
            (b"accept-language", b"en"),
            (b"accept-encoding", b"gzip, deflate, br"),
        ]
        if self.cookies:
            line = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            headers.append((b"cookie", line.encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }

    async def send(self, path: str) -> None:
        """One request whose Set-Cookie is kept, as a browser would."""
        answers = await self._exchange(self.request(path))
        if answers[0]["status"] != 200:
            raise SystemExit(f"{path} answered {answers[0]['status']}")
        for name, value in answers[0]["headers"]:
            if name == b"set-cookie":
                self.cookies.update({k: m.value for k, m in SimpleCookie(value.decode()).items()})

    async def _exchange(self, scope: dict[str, Any]) -> list[Any]:
        answers: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            answers.append(message)

        await self.asgi(scope, receive, send)
        return answers

    async def time(self, path: str, number: int) -> float:
        """Seconds for one of `number` requests, the jar left as it is."""
        scope = self.request(path)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            pass

        asgi = self.asgi
        start = time.process_time()
        for _ in range(number):
            await asgi(dict(scope), receive, send)
        return (time.process_time() - start) / number


Case = tuple[str, Client, str]


async def measure(cases: list[Case]) -> dict[str, float]:
    """The best round of each case, in microseconds a request."""
    best = {name: float("inf") for name, _, _ in cases}
    gc.collect()
    for _ in range(ROUNDS):
        for name, client, path in cases:
            await client.time(path, SETTLING)
            await client.send(path)  # a browser would have taken each Set-Cookie on the way
            best[name] = min(best[name], await client.time(path, REQUESTS))
    return {name: seconds * 1e6 for name, seconds in best.items()}


async def beside_others() -> dict[tuple[str, str], float]:
    """Added microseconds by subject and column; all subjects take turns."""
    cases: list[Case] = [("bare", Client(app()), "/untouched")]
    for subject in SUBJECTS:
        anonymous, known = Client(subject.wrap(app())), Client(subject.wrap(app()))
        await known.send("/fill")
        cases.append((f"{subject.name}|anonymous", anonymous, "/untouched"))
        cases += [(f"{subject.name}|{path}", known, f"/{path}") for path in ("untouched", "read", "write")]
    times = await measure(cases)
    bare = times.pop("bare")
    print(f"bare app: {bare:.1f} µs a request\n")
    added = {}
    for name, microseconds in times.items():
        subject_name, _, column = name.partition("|")
        added[subject_name, column] = microseconds - bare
    return added


async def with_more_sessions() -> dict[int, tuple[float, float]]:
    """Microseconds of a read and a write in our memory store, by the number of live sessions."""
    cases: list[Case] = []
    for number in LIVE_SESSIONS:
        client = Client(OURS_MEMORY.wrap(app()))
        for _ in range(number):
            client.cookies.clear()
            await client.send("/fill")
        cases += [(f"{number}|{path}", client, f"/{path}") for path in ("read", "write")]
    times = await measure(cases)
    return {number: (times[f"{number}|read"], times[f"{number}|write"]) for number in LIVE_SESSIONS}


def goal(text: str, ours: float, limit: float) -> bool:
    kept = ours <= limit
    print(f"  {'kept  ' if kept else 'MISSED'}  {text}: {ours:.1f} µs of at most {limit:.1f}")
    return kept


async def main() -> bool:
    peers = ", ".join(
        f"{name} {version(name)}" for name in ("starlette", "starsessions", "msgspec", "cryptography")
    )
    print(f"Python {platform.python_version()}, {peers}")
    print(
        "Added microseconds per request over the bare app; in-process, best of short rounds taken in turns.\n"
    )
    added = await beside_others()
    columns = ("anonymous", "untouched", "read", "write")
    print(f"{'':40}" + "".join(f"{column:>12}" for column in columns))
    for subject in SUBJECTS:
        print(f"{subject.name:40}" + "".join(f"{added[subject.name, column]:12.1f}" for column in columns))
    live = await with_more_sessions()
    print("\nsessions, memory: microseconds per whole request, by live sessions")
    for number, (read, write) in live.items():
        print(f"  {number:>7,}   read {read:6.1f}   write {write:6.1f}")
    ours, theirs = OURS_MEMORY.name, STARSESSIONS_MEMORY.name
    few, many = live[LIVE_SESSIONS[0]], live[LIVE_SESSIONS[-1]]
    print("\nGoals")
    kept = [
        goal("memory read, a third of starsessions'", added[ours, "read"], added[theirs, "read"] / 3),
        goal("memory write, a third of starsessions'", added[ours, "write"], added[theirs, "write"] / 3),
        goal(
            "encrypted cookie read, Starlette's signed one",
            added[OURS_COOKIE.name, "read"],
            added[STARLETTE.name, "read"],
        ),
        goal("anonymous request", added[ours, "anonymous"], ALLOWED_US),
        goal("untouched request", added[ours, "untouched"], ALLOWED_US),
        goal("read among 100,000 sessions, as among 10 (+10 %)", many[0], few[0] * 1.1),
        goal("write among 100,000 sessions, as among 10 (+10 %)", many[1], few[1] * 1.1),
    ]
    return all(kept)


if __name__ == "__main__":
    # Goals are looked at, not enforced: a busy machine must not fail anything.
    asyncio.run(main())
