"""What a test left behind in a browser context is gone for the next one, or the context is closed."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from playwright.sync_api import BrowserContext, Error

from e2e.browser.context_pool import HARMLESS, ContextPool, note_changed_contexts

HOME = "http://127.0.0.1:1/lab/untouched"


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
    """As much of a browser context as a pool needs."""

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


note_changed_contexts({Tab: {"goto", "evaluate", "is_closed", "close"}})


@pytest.fixture
def pool() -> ContextPool:
    return ContextPool(lambda: cast(BrowserContext, Browser()), HOME)


def test_what_a_test_left_behind_is_gone_for_the_next(pool: ContextPool) -> None:
    pooled = pool.take()
    browser = cast(Browser, pooled.context)
    browser.cookies.append("session")
    browser.new_page().url = f"{HOME}/other"
    pooled.page.goto("http://127.0.0.1:1/login")
    pool.put_back(pooled)

    assert pool.take() is pooled
    assert browser.cookies == []
    assert [tab.url for tab in browser.pages] == [HOME]
    assert {"Storage.clearDataForOrigin", "Network.clearBrowserCache", "Page.resetNavigationHistory"} <= set(
        browser.sent
    )


def test_nobody_else_gets_what_is_in_use(pool: ContextPool) -> None:
    assert pool.take().context is not pool.take().context


def test_a_context_with_another_setting_is_not_used_again(pool: ContextPool) -> None:
    pooled = pool.take()
    assert cast(Tab, pooled.page).route() == "routed"
    pool.put_back(pooled)
    assert cast(Browser, pooled.context).closed
    assert pool.take() is not pooled


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.0.0.1:11/", "about:blank"])
def test_a_context_that_ended_on_another_site_is_not_used_again(pool: ContextPool, url: str) -> None:
    pooled = pool.take()
    pooled.page.goto(url)
    pool.put_back(pooled)
    assert cast(Browser, pooled.context).closed
    assert pool.take() is not pooled


@pytest.mark.parametrize("broken", ["closed", "hangs"])
def test_a_page_that_is_closed_or_hangs_is_not_used_again(pool: ContextPool, broken: str) -> None:
    pooled = pool.take()
    setattr(pooled.page, broken, True)
    pool.put_back(pooled)
    assert cast(Browser, pooled.context).closed
    assert pool.take() is not pooled


def test_what_counts_as_harmless_exists() -> None:
    for kind, names in HARMLESS.items():
        assert names <= vars(kind).keys()
