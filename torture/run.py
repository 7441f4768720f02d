"""One run: the browsers, the nemeses and a purge against one store, until so many operations are done."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from torture.browser import Browser, Habits
from torture.checker import Checked, Violation, violations
from torture.client import Client
from torture.history import Life
from torture.nemeses import Nemesis, of_store
from torture.servers import Servers

BROWSERS: Final = 24

SHORT: Final = 100_000
"""With fewer operations a run leaves out what takes long."""

PURGE: Final = "a purge runs beside"

STRIKES: Final = 60
"""How many nemeses come in a run, if each comes at least once."""


@dataclass
class Result:
    store: str
    operations: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    strikes: Counter[str] = field(default_factory=Counter)
    checked: Checked = field(default_factory=Checked)
    violations: list[Violation] = field(default_factory=list)
    histories: list[Life] = field(default_factory=list)
    """Of the sessions with violations."""
    lives: int = 0
    log: str = ""
    """What the workers wrote."""


async def run(store: str, operations: int) -> Result:
    """Returns when so many operations have got an answer, and all histories are checked."""
    result = Result(store)
    began = time.monotonic()
    async with Servers(store) as servers:
        client = Client(servers.ports)

        def more() -> bool:
            return habits.answered < operations

        habits = Habits(client, lambda life: _check(life, result), more)
        await _until_all_serve(client, servers.ports)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_strike(servers, habits, operations, result))
            tasks.create_task(_purge(client, more, result))
            for number in range(BROWSERS):
                tasks.create_task(Browser(number, habits).use())
        client.close()
        result.operations, result.counts = habits.answered, habits.counts
        result.log = servers.log()
    result.seconds = time.monotonic() - began
    return result


def _check(life: Life, result: Result) -> None:
    result.lives += 1
    found = violations(life, result.checked)
    if found:
        result.violations += found
        result.histories.append(life)


async def _strike(servers: Servers, habits: Habits, operations: int, result: Result) -> None:
    """One nemesis after the other, evenly over the run."""
    nemeses = list(of_store(servers.store, short=operations < SHORT))
    rounds = max(1, min(STRIKES, operations // 5000) // len(nemeses))
    strikes: list[Nemesis] = nemeses * rounds
    for number, nemesis in enumerate(strikes, 1):
        due = operations * number // (len(strikes) + 1)
        while habits.answered < due:  # noqa: ASYNC110 (each answer would have to set an event)
            await asyncio.sleep(0.01)
        await nemesis.strike(servers, habits)
        result.strikes[nemesis.name] += 1


async def _purge(client: Client, more: Callable[[], bool], result: Result) -> None:
    while more():
        answer = await client.get("/purge", None)
        if answer is not None and answer.status == 200:
            result.strikes[PURGE] += 1
        await asyncio.sleep(0.25)


async def _until_all_serve(client: Client, ports: list[int]) -> None:
    for port in ports:
        # A request waits in the socket until its worker is there, but the store may not be there yet.
        while (answer := await client.get("/read", None, port=port)) is None or answer.status != 200:
            pass
