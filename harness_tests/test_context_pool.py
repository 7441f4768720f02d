"""What the browser suite does so as to be quick, and must not change what a test sees."""

import inspect
import time
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from playwright.sync_api import BrowserContext, Error

from e2e.lending import HARMLESS, Lending, watch
from e2e.overlap import NewPage, Steps, Timeline
from e2e.recording import Recording
from e2e.stacks import on_a_new_stack

HOME = "http://127.0.0.1:1/lab/untouched"


def depth() -> int:
    return len(inspect.stack())


def test_a_test_on_a_new_stack_has_only_its_own_frames_below_it() -> None:
    assert depth() > 10
    assert on_a_new_stack(depth)() == 1


def test_arguments_results_and_attributes_are_the_functions_own() -> None:
    def joined(*words: str, end: str) -> str:
        return " ".join(words) + end

    joined.scenario = "kept"  # type: ignore[attr-defined]
    assert on_a_new_stack(joined)("one", "two", end="!") == "one two!"
    assert on_a_new_stack(joined).scenario == "kept"  # type: ignore[attr-defined]


def test_a_failure_is_raised_with_its_own_traceback() -> None:
    def fails() -> None:
        raise AssertionError("the reason")

    with pytest.raises(AssertionError, match="the reason") as caught:
        on_a_new_stack(fails)()
    assert caught.traceback[-1].name == "fails"


@dataclass(eq=False)
class Tab:
    context: "Browser"
    url: str = "about:blank"
    closed: bool = False
    hangs: bool = False

    def goto(self, url: str) -> None:
        if self.hangs:
            raise Error("Timeout")
        self.url = url

    def evaluate(self, _: str) -> None: ...

    def is_closed(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True
        self.context.pages.remove(self)

    def route(self) -> str:
        return "routed"


@dataclass(eq=False)
class Browser:
    """As much of a browser context as a lender needs."""

    pages: list[Tab] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    closed: bool = False

    def new_page(self) -> Tab:
        self.pages.append(Tab(self))
        return self.pages[-1]

    def new_cdp_session(self, _: Tab) -> "Browser":
        return self

    def send(self, method: str, _: Any = None) -> None:
        self.sent.append(method)

    def clear_cookies(self) -> None:
        self.cookies.clear()

    def close(self) -> None:
        self.closed = True


watch({Tab: {"goto", "evaluate", "is_closed", "close"}})


@pytest.fixture
def lending() -> Lending:
    return Lending(lambda: cast(BrowserContext, Browser()), HOME)


def test_what_a_test_left_behind_is_gone_for_the_next(lending: Lending) -> None:
    lent = lending.lend()
    browser = cast(Browser, lent.context)
    browser.cookies.append("session")
    browser.new_page().url = f"{HOME}/other"
    lent.page.goto("http://127.0.0.1:1/login")
    lending.take_back(lent)

    assert lending.lend() is lent
    assert browser.cookies == []
    assert [tab.url for tab in browser.pages] == [HOME]
    assert {"Storage.clearDataForOrigin", "Network.clearBrowserCache", "Page.resetNavigationHistory"} <= set(
        browser.sent
    )


def test_nobody_else_gets_what_is_lent(lending: Lending) -> None:
    assert lending.lend().context is not lending.lend().context


def test_a_context_with_another_setting_is_not_lent_again(lending: Lending) -> None:
    lent = lending.lend()
    assert cast(Tab, lent.page).route() == "routed"
    lending.take_back(lent)
    assert cast(Browser, lent.context).closed
    assert lending.lend() is not lent


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.0.0.1:11/", "about:blank"])
def test_a_context_that_ended_on_another_site_is_not_lent_again(lending: Lending, url: str) -> None:
    lent = lending.lend()
    lent.page.goto(url)
    lending.take_back(lent)
    assert cast(Browser, lent.context).closed
    assert lending.lend() is not lent


@pytest.mark.parametrize("broken", ["closed", "hangs"])
def test_a_page_that_is_closed_or_hangs_is_not_lent_again(lending: Lending, broken: str) -> None:
    lent = lending.lend()
    setattr(lent.page, broken, True)
    lending.take_back(lent)
    assert cast(Browser, lent.context).closed
    assert lending.lend() is not lent


def test_what_counts_as_harmless_exists() -> None:
    for kind, names in HARMLESS.items():
        assert names <= vars(kind).keys()


class Quiet:
    """A recording of nothing."""

    properties: list[tuple[str, str]] = []  # noqa: RUF012

    def new_page(self) -> Tab:
        return Tab(Browser(), url=HOME)

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
