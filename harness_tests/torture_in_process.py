"""The browsers of the torture against apps in this process: a run that a test can set up as it likes."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from sessions import Store
from torture.app import create_app
from torture.browser import Browser, Habits
from torture.checker import Checked, Violation, violations
from torture.client import Answer
from torture.history import Life

BROWSERS = 6


class InProcess:
    """Calls one of the apps at random, as a load balancer does. Who leaves gets no answer, though the request
    was served."""

    def __init__(self, stores: Sequence[Store]) -> None:
        self._apps = [create_app(store) for store in stores]
        self._choice = random.Random(1)

    async def get(
        self, target: str, cookie: str | None, *, leaves_after: float | None = None
    ) -> Answer | None:
        url = urlsplit(target)
        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": url.path,
            "query_string": url.query.encode(),
            "headers": [(b"cookie", f"session={cookie}".encode())] if cookie else [],
        }
        answer = Answer(0, b"", None)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                for name, value in message["headers"]:
                    if name == b"set-cookie":
                        removed = b"max-age=0" in value.lower()
                        answer.set_cookie = (
                            "" if removed else value.decode().partition(";")[0].partition("=")[2]
                        )
            else:
                answer.body += message.get("body", b"")

        await self._choice.choice(self._apps)(scope, receive, send)
        return None if leaves_after is not None else answer


def torture(*stores: Store, operations: int = 1500, leaving: float = 0.0) -> tuple[list[Violation], Checked]:
    """Run the browsers, with one app for each of the stores. What the checker finds, and what it compared."""
    found: list[Violation] = []
    checked = Checked()

    def check(life: Life) -> None:
        found.extend(violations(life, checked))

    async def run() -> Counter[str]:
        habits = Habits(InProcess(stores), check, lambda: habits.answered < operations)
        habits.leaving = leaving
        async with asyncio.TaskGroup() as tasks:
            for number in range(BROWSERS):
                tasks.create_task(Browser(number, habits).use())
        return habits.counts

    # A record remembers its last sixteen commits. In one process so many fit into the usual pause.
    with mock.patch("torture.app.PAUSE", 0.0):
        asyncio.run(run())
    return found, checked


def rules(found: list[Violation]) -> set[str]:
    return {violation.rule for violation in found}
