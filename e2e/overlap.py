"""Tests that wait for a session to expire, all at the same time.

Such a test is a generator: `yield 2.1` waits for so many seconds. When the first one of a cell is due, all of
the cell's are walked through together, each in browser contexts of its own, so that a cell waits for a few
seconds once and not once for each test. Every test keeps its own outcome, trace and screenshot.
"""

import heapq
import itertools
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from e2e.browsing import UNTOUCHED
from e2e.recording import Recording

Steps = Generator[float, None, None]
Scenario = Callable[[Page], Steps]


def overlapping(scenario: Scenario) -> Callable[..., None]:
    """Make a test of a scenario: a generator function that takes a page and yields seconds to wait.

    The page has cookies of its own, and is one to send requests from.
    """

    def test(request: pytest.FixtureRequest, timeline: "Timeline") -> None:
        timeline.result_of(request.node)

    test.__name__, test.__doc__, test.__module__ = scenario.__name__, scenario.__doc__, scenario.__module__
    test.scenario = scenario  # type: ignore[attr-defined]
    return test


def is_overlapping(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "obj", None), "scenario")


@dataclass
class Run:
    """One scenario on its way."""

    steps: Steps
    recording: Recording
    error: BaseException | None = None


class Timeline:
    """Walks the scenarios of one cell through time."""

    def __init__(
        self,
        peers: Iterable[pytest.Item],
        record: Callable[[pytest.Item], Recording],
        at_once: int | None = None,
    ) -> None:
        """`at_once`: how many are under way together; fewer where the server is slow. All unless given."""
        self._peers = list(peers)
        self._at_once = at_once or max(1, len(self._peers))
        self._record = record
        self._finished: dict[str, Run] = {}

    def result_of(self, item: pytest.Item) -> None:
        """Raises what the scenario of this test raised."""
        if not self._finished:
            for start in range(0, len(self._peers), self._at_once):
                self._walk(self._peers[start : start + self._at_once])
        run = self._finished[item.nodeid]
        item.user_properties += run.recording.properties
        if run.error is not None:
            raise run.error

    def _walk(self, peers: Iterable[pytest.Item]) -> None:
        """No page is opened or closed on the way: that takes longer than a step, while clocks are ticking."""
        due: list[tuple[float, int, Run]] = []
        runs: list[Run] = []
        number = itertools.count()
        for item in peers:
            recording = self._record(item)
            page = recording.new_context().new_page()
            page.goto(UNTOUCHED)
            scenario: Scenario = item.obj.scenario  # type: ignore[attr-defined]
            run = self._finished[item.nodeid] = Run(scenario(page), recording)
            runs.append(run)
            due.append((0.0, next(number), run))
        while due:
            moment, _, run = heapq.heappop(due)
            time.sleep(max(0.0, moment - time.monotonic()))
            try:
                wait = next(run.steps)
            except StopIteration:
                continue
            except (Exception, pytest.fail.Exception) as error:
                run.error = error
            else:
                heapq.heappush(due, (time.monotonic() + wait, next(number), run))
        for run in runs:
            run.recording.close(failed=run.error is not None)
