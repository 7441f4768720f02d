"""SEC-4: what a request costs grows with its size and no faster. Counted in lines of Python, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import anyio
import pytest
from support import KEY, Browser, site

from sessions import CookieStore, MemoryStore
from sessions._cookie_header import MAX_HEADER

pytestmark = pytest.mark.promise("SEC-4")

Lines = list[str]

HOSTILE: dict[str, Callable[[int], Lines]] = {
    "header lines": lambda n: ["a"] * n,
    "header lines of our name": lambda n: ["session=a"] * n,
    "cookies": lambda n: ["; ".join(f"c{number}=1" for number in range(n))],
    "cookies of our name": lambda n: ["; ".join(f"session={number}" for number in range(n))],
    "pieces": lambda n: ["; ".join(["session=99~a", *[f"session.{number % 999}=b" for number in range(n)]])],
    "pieces with several values": lambda n: [
        "; ".join(["session=3~a", *[f"session.{number % 3}=b{number}" for number in range(n)]])
    ],
    "separators": lambda n: [";" * n],
    "equals signs": lambda n: ["session" + "=" * n],
    "a long value": lambda n: ["session=" + "A" * n],
    "stars of a seal": lambda n: ["session=Fe26.2" + "*" * n],
    "tildes": lambda n: ["session=2" + "~" * n],
    "digits of a number of pieces": lambda n: ["session=" + "9" * n + "~"],
    "control characters": lambda n: ["session=" + "\x01" * n],
}
CARRIERS: dict[str, Callable[[], dict[str, Any]]] = {
    "id": lambda: {"store": MemoryStore()},
    "sealed id": lambda: {"store": MemoryStore(), "encryption_key": KEY},
    "content": lambda: {"store": CookieStore(), "encryption_key": KEY},
}


def steps(lines: Lines, options: dict[str, Any]) -> int:
    """Lines of Python that the library runs for a request with these Cookie lines."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if "sessions" not in frame.f_globals.get("__name__", ""):
            return None
        count += event == "line"
        return trace

    headers = [(b"cookie", line.encode("latin-1")) for line in lines]

    async def request() -> None:
        app = site(**options)
        await Browser(app).get("/untouched")  # builds the app
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/untouched",
            "headers": [(b"host", b"a.example"), *headers],
            "query_string": b"",
            "root_path": "",
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] == 200
                assert sum(len(value) for _, value in message["headers"]) < 4096

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            await app(scope, receive, send)
        finally:
            sys.settrace(before)

    anyio.run(request)
    return count


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_twice_as_much_costs_twice_as_much_at_most(kind: str, carrier: str) -> None:
    small, large = (steps(HOSTILE[kind](number), CARRIERS[carrier]()) for number in (1500, 3000))
    assert large <= 2.1 * small + 50


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_beyond_64_kilobytes_nothing_is_looked_at_but_the_names_of_header_lines(
    kind: str, carrier: str
) -> None:
    lines = HOSTILE[kind](MAX_HEADER)
    if sum(map(len, lines)) > MAX_HEADER:
        assert steps(lines, CARRIERS[carrier]()) < 100 + 6 * len(lines)
