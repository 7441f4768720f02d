"""Tests that wait for a session to expire, all at the same time.

Such a test is a generator: `yield 2.1` waits for so many seconds. When the first one of a cell is due, all of
the cell's are walked through together, each in browser contexts of its own, so that a cell waits for a few
seconds once and not once for each test. Every test keeps its own outcome, trace and screenshot.
"""

import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import partial
from math import inf

import pytest
from playwright.sync_api import Page

from e2e.browser.page import be_somewhere
from e2e.browser.recording import Recording

AT_ONCE = {"chromium": 10, "firefox": 1, "webkit": 1}
"""So many tests an engine is quick enough to be led through at the same time, on a busy machine too.

A request takes Firefox a twentieth of a second, a new page a third: with three tests at once one waited for
the others past its session's end.
"""

PACE = {"chromium": 1, "firefox": 2, "webkit": 2}
"""A test waits so many times as long as it says, and sessions of the server end as much later."""

SURELY = 0.6
"""Seconds past an end after which nobody doubts it. Firefox says to the nearest second when a cookie ends."""

LAST = inf
"""What a scenario yields before a step of many requests. That is taken when nobody's clock ticks any more, so
that it makes nobody late."""

Steps = Generator[float, None, None]
NewPage = Callable[[], Page]
Scenario = Callable[[NewPage], Steps]


def on_the_timeline(scenario: Scenario) -> Callable[..., None]:
    """Make a test of a scenario: a generator function that takes `new_page` and yields seconds to wait.

    `new_page()` opens a page in a browser context, that is with cookies, of its own.
    A step takes a request or two. Before one of many requests, yield `LAST`.
    """

    def test(request: pytest.FixtureRequest, timeline: "Timeline") -> None:
        timeline.result_of(request.node)

    test.__name__, test.__doc__, test.__module__ = scenario.__name__, scenario.__doc__, scenario.__module__
    test.scenario = scenario  # type: ignore[attr-defined]
    return test


def is_on_the_timeline(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "obj", None), "scenario")


@dataclass
class Run:
    """One scenario on its way."""

    steps: Steps
    recording: Recording
    error: BaseException | None = None


def open_page(recording: Recording) -> Page:
    page = recording.new_page()
    be_somewhere(page)
    return page


def next_page(ready: list[Page], recording: Recording) -> Page:
    return ready.pop() if ready else open_page(recording)


class Timeline:
    """Walks the scenarios of one cell through time."""

    def __init__(
        self,
        peers: Iterable[pytest.Item],
        record: Callable[[pytest.Item], Recording],
        *,
        at_once: int,
        pace: float = 1,
    ) -> None:
        """`at_once`: so many scenarios that none of them has to wait long for the browser's attention.

        `pace`: a second of the scenarios takes so many.
        """
        self._peers = list(peers)
        self._at_once = at_once
        self._pace = pace
        self._record = record
        self._finished: dict[str, Run] = {}

    def result_of(self, item: pytest.Item) -> None:
        """Raises what the scenario of this test raised."""
        if item.nodeid not in self._finished:
            place = self._peers.index(item) // self._at_once * self._at_once
            self._walk(self._peers[place : place + self._at_once])
        run = self._finished[item.nodeid]
        item.user_properties += run.recording.properties
        if run.error is not None:
            raise run.error

    def _walk(self, items: Iterable[pytest.Item]) -> None:
        due: list[tuple[float, int, pytest.Item, Run]] = []
        unbegun: deque[tuple[pytest.Item, Run]] = deque()
        number = itertools.count()
        passed: list[Run] = []
        for item in items:
            recording = self._record(item)
            scenario: Scenario = item.obj.scenario  # type: ignore[attr-defined]
            # To open a page takes time, and is done before anybody's clock ticks.
            ready = [open_page(recording)]
            run = Run(scenario(partial(next_page, ready, recording)), recording)
            unbegun.append((item, run))
        while due or unbegun:
            # Whose clock ticks goes first. So nobody is late by more than the one step that is being taken.
            if unbegun and not (due and due[0][0] <= time.monotonic()):
                item, run = unbegun.popleft()
            else:
                moment, _, item, run = heapq.heappop(due)
                if moment < LAST:
                    time.sleep(max(0.0, moment - time.monotonic()))
            try:
                wait = next(run.steps)
            except StopIteration:
                passed.append(run)
            except (Exception, pytest.fail.Exception) as error:
                run.error = error
                run.recording.close(failed=True)
            else:
                heapq.heappush(due, (time.monotonic() + wait * self._pace, next(number), item, run))
                continue
            self._finished[item.nodeid] = run
        # This takes time too, and waits until nobody's clock ticks any more.
        for run in passed:
            run.recording.close(failed=False)
