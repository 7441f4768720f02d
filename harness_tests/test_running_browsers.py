"""Which cells share a browser."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from e2e.browser import install
from e2e.browser.install import Browser
from e2e.browser.running_browsers import RunningBrowsers
from e2e.server.certificate import Certificate


class Launched:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def browsers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunningBrowsers:
    def find(name: str, *, headed: bool) -> Browser:
        return Browser(name, "", "")

    monkeypatch.setattr(install, "find", find)
    engine = SimpleNamespace(launch=lambda **_: Launched())
    playwright: Any = SimpleNamespace(chromium=engine, firefox=engine)
    return RunningBrowsers(playwright, {}, Certificate.make(tmp_path), headed=False)


def test_a_chromium_stays_for_the_next_cell(browsers: RunningBrowsers) -> None:
    first: Any = browsers.take("chromium", binds=False)
    browsers.give_back("chromium", binds=False)
    assert not first.is_closed
    assert browsers.take("chromium", binds=False) is first
    assert browsers.take("chromium-full", binds=False) is not first


def test_one_that_binds_sessions_is_another(browsers: RunningBrowsers) -> None:
    assert browsers.take("chromium-full", binds=True) is not browsers.take("chromium-full", binds=False)


def test_each_cell_has_a_firefox_of_its_own(browsers: RunningBrowsers) -> None:
    first: Any = browsers.take("firefox", binds=False)
    browsers.give_back("firefox", binds=False)
    assert first.is_closed
    assert browsers.take("firefox", binds=False) is not first


def test_all_are_closed_at_the_end(browsers: RunningBrowsers) -> None:
    launched: list[Any] = [browsers.take(name, binds=False) for name in ("chromium", "firefox")]
    browsers.close()
    assert all(browser.is_closed for browser in launched)
