"""Tests that wait for an expiry side by side: none is late because of another, each has its own outcome."""

import time
from typing import Any, cast

import pytest

from e2e.browser.recording import Recording
from e2e.browser.timeline import LAST, NewPage, Steps, Timeline


class Tab:
    """As much of a page as a timeline needs."""

    url = "http://127.0.0.1:1/lab/untouched"


class Quiet:
    """A recording of nothing."""

    properties: list[tuple[str, str]] = []  # noqa: RUF012

    def new_page(self) -> Tab:
        return Tab()

    def close(self, *, failed: bool) -> None: ...


class Named:
    """As much of a pytest item as a timeline needs."""

    def __init__(self, name: str, scenario: Any) -> None:
        self.nodeid = name
        self.user_properties: list[tuple[str, str]] = []
        self.obj = scenario
        self.obj.scenario = scenario


def test_a_test_against_the_clock_does_not_wait_for_others_to_begin() -> None:
    """On a slow machine each step takes longer than the test waits for."""
    said: list[str] = []

    def against_the_clock(_: NewPage) -> Steps:
        said.append("its clock ticks")
        yield 0.01
        said.append("it goes on")

    def slow(_: NewPage) -> Steps:
        said.append("a slow one begins")
        time.sleep(0.05)
        yield 0.01

    def slower(_: NewPage) -> Steps:
        yield from slow(_)

    items = cast(
        list[pytest.Item], [Named("first", against_the_clock), Named("second", slow), Named("third", slower)]
    )
    Timeline(items, lambda _: cast(Recording, Quiet()), at_once=3).result_of(items[0])
    assert said == ["its clock ticks", "a slow one begins", "it goes on", "a slow one begins"]


def test_a_step_of_many_requests_comes_when_nobodys_clock_ticks() -> None:
    said: list[str] = []

    def long(_: NewPage) -> Steps:
        yield LAST
        said.append("the long step")
        yield 0.01
        said.append("what follows it")

    def against_the_clock(_: NewPage) -> Steps:
        yield 0.02
        said.append("one clock")
        yield 0.02
        said.append("its second step")

    items = cast(list[pytest.Item], [Named("first", long), Named("second", against_the_clock)])
    Timeline(items, lambda _: cast(Recording, Quiet()), at_once=2).result_of(items[0])
    assert said == ["one clock", "its second step", "the long step", "what follows it"]


def test_each_test_of_a_timeline_fails_by_itself() -> None:
    def fails(_: NewPage) -> Steps:
        yield 0.0
        raise AssertionError("the reason")

    def passes(_: NewPage) -> Steps:
        yield 0.0

    items = cast(list[pytest.Item], [Named("first", passes), Named("second", fails)])
    timeline = Timeline(items, lambda _: cast(Recording, Quiet()), at_once=2)
    timeline.result_of(items[0])
    with pytest.raises(AssertionError, match="the reason"):
        timeline.result_of(items[1])
