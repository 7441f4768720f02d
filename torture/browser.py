"""A person with a browser: begins a session, logs in, does things in several tabs at once, logs out."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from torture.app import LANES
from torture.client import Answer
from torture.history import BEGINNING, OF_NOBODY_KNOWN, REMOVED, Clock, Life, Operation

STEPS: Final = 20
"""Steps of a life, on average. A step is a request, or two."""

WAITING: Final = 0.6
"""The share of its moments in which another tab waits for the first one."""

REMEMBERED: Final = 3
"""Ended sessions whose cookies a browser tries again from time to time, before they are checked for good."""


class Transport(Protocol):
    async def get(
        self, target: str, cookie: str | None, *, leaves_after: float | None = None
    ) -> Answer | None: ...


class Habits:
    """What all browsers of a run have in common."""

    def __init__(
        self,
        transport: Transport,
        check: Callable[[Life], None],
        more: Callable[[], bool],
    ) -> None:
        self.transport = transport
        self.check = check
        """Takes a life that is over."""
        self.more = more
        """Whether there is still something to do; asked before each step."""
        self.clock = Clock()
        self.leaving = 0.002
        """The share of the requests from which a browser goes away before the answer."""
        self.counts: Counter[str] = Counter()
        self.answered = 0


class Browser:
    def __init__(self, number: int, habits: Habits) -> None:
        self.habits = habits
        self.cookie: str | None = None
        self.life = Life(0)
        self.lives: deque[Life] = deque()
        self.choice = random.Random(number)

    async def use(self) -> None:
        """Live as long as there is something to do."""
        while self.habits.more():
            await self._begin()
            if self.cookie:
                await self._live()
        for life in self.lives:
            self.habits.check(life)

    async def _begin(self) -> None:
        self.cookie = None
        self.life = Life(self.habits.clock.number())
        await self._do("begin", f"&life={self.life.number}")

    async def _live(self) -> None:
        life, self.busy, self.stepped = self.life, True, asyncio.Event()
        tabs = [asyncio.create_task(self._tab(lane)) for lane in range(1, LANES)]
        logged_in = False
        for _ in range(self.choice.randrange(2 * STEPS)):
            if not self.habits.more():
                break
            logged_in = await self._step(logged_in)
            stepped, self.stepped = self.stepped, asyncio.Event()
            stepped.set()
        if self.choice.random() < 0.5:  # in the other case the logout has company
            await self._close(tabs)
            await self._until_done("read")
        ways = ["logout", "everywhere"] if logged_in else ["logout"]
        await self._until_done(self.choice.choice(ways))
        await self._close(tabs)
        self.lives.append(life)
        for _ in range(2):
            await self._haunt(self.choice.choice(self.lives))
        if len(self.lives) > REMEMBERED:
            self.habits.check(self.lives.popleft())

    async def _step(self, logged_in: bool) -> bool:
        """One thing of those that only one tab does. Whether the browser is logged in now."""
        kind = self.choice.choices(
            ["add", "assign", "read", "flash", "take", "login", "rotate", "haunt"],
            [4, 2, 4, 2, 2, 2, 1, 1],
        )[0]
        if kind == "haunt" and self.lives:
            await self._haunt(self.choice.choice(self.lives))
        elif kind == "login" or (kind == "rotate" and logged_in):
            done = await self._do(kind, self._owner)
            # If the answer was lost, the browser still has the old id. To log in finds the session.
            if not done.acknowledged:
                await self._until_done("login")
            return True
        elif kind not in ("haunt", "rotate"):
            await self._do(kind)
        return logged_in

    async def _tab(self, lane: int) -> None:
        """Another tab of the browser: at times it is as busy as the first one, at times it waits for that."""
        while self.busy and self.habits.more():
            if self.choice.random() < WAITING:
                await self.stepped.wait()
                continue
            kind = self.choice.choices(["add", "assign", "read"], [5, 2, 3])[0]
            await self._do(kind, lane=lane)

    async def _close(self, tabs: list[asyncio.Task[None]]) -> None:
        self.busy = False
        self.stepped.set()
        await asyncio.gather(*tabs)

    async def _until_done(self, kind: str) -> None:
        while not (await self._do(kind, self._owner)).acknowledged:  # noqa: ASYNC110 (no event tells)
            await asyncio.sleep(0.02)

    async def _haunt(self, life: Life) -> None:
        """Try a cookie that should open nothing any more."""
        current = len(life.cookies) - 1 if life is self.life and not life.ended else len(life.cookies)
        if current > 0:
            await self._do("ghost", life=life, place=self.choice.randrange(current))

    @property
    def _owner(self) -> str:
        return f"&owner={self.life.owner}"

    async def _do(
        self, kind: str, query: str = "", *, lane: int = 0, life: Life | None = None, place: int | None = None
    ) -> Operation:
        """Send one request, and write down what came of it."""
        habits, clock = self.habits, self.habits.clock
        life = life or self.life
        if place is None:
            cookie = self.cookie
            place = life.cookies.index(cookie) if cookie in life.cookies else -1
        else:
            cookie = life.cookies[place]
        if kind == "add" and self.choice.random() < 0.25:
            query += "&save=1"
        if self.choice.random() < 0.1:
            query += "&slow=1"
        operation = Operation(kind, clock.number(), place, lane, clock.tick(), sent_at=clock.now())
        life.operations.append(operation)
        target = f"/{'read' if kind == 'ghost' else kind}?number={operation.number}&lane={lane}{query}"
        leaves_after = self.choice.random() * 0.02 if self.choice.random() < habits.leaving else None
        answer = await habits.transport.get(target, cookie, leaves_after=leaves_after)
        habits.counts[kind] += 1
        if answer is None:
            habits.counts["without an answer"] += 1
            return operation
        habits.answered += 1
        operation.answered, operation.answered_at = clock.tick(), clock.now()
        operation.status = answer.status
        if answer.status == 200:
            operation.seen = _decode(answer.body)
        elif answer.status == 503:
            habits.counts["503"] += 1
        if answer.set_cookie is not None:
            self._keep(life, operation, answer.set_cookie)
        return operation

    def _keep(self, life: Life, operation: Operation, value: str) -> None:
        """What the answer's cookie does in the jar."""
        if not value:
            operation.set_cookie = REMOVED
            self.cookie = None
        elif value in life.cookies:
            operation.set_cookie = life.cookies.index(value)
            if operation.set_cookie == operation.cookie and self.cookie not in (None, value):
                # An extension that a login has overtaken. docs/promises.md says why nobody can prevent it. A
                # person would have to log in again; here the browser goes on with the login's cookie.
                self.habits.counts["extensions overtaken by a login"] += 1
            else:
                self.cookie = value
        else:
            self.cookie = value
            operation.set_cookie = OF_NOBODY_KNOWN
            if operation.kind in BEGINNING:
                operation.set_cookie = len(life.cookies)
                life.cookies.append(value)


def _decode(body: bytes) -> dict[str, Any]:
    seen: dict[str, Any] = msgspec.json.decode(body)
    return seen
