"""The browsers of one worker: a cell finds the one that another cell has launched."""

from typing import Any

from playwright.sync_api import Browser, BrowserType, Playwright

from e2e.browser import install
from e2e.browser.launch_options import binding_options, engine_of, launch_options
from e2e.server.certificate import Certificate

GROWING = frozenset({"firefox"})
"""Engines that keep memory of contexts that are closed: Firefox takes most of a gigabyte more with each whole
cell. So each cell launches its own."""

Kind = tuple[str, bool]
"""The browser's name in matrix.yml, and whether it binds sessions to itself."""


class RunningBrowsers:
    """Close it at the end."""

    def __init__(
        self, playwright: Playwright, arguments: dict[str, Any], certificate: Certificate, *, headed: bool
    ) -> None:
        """`arguments` are pytest-playwright's for `launch`."""
        self._playwright = playwright
        self._arguments = arguments
        self._certificate = certificate
        self._headed = headed
        self._running: dict[Kind, Browser] = {}

    def take(self, name: str, *, binds: bool) -> Browser:
        if (name, binds) not in self._running:
            self._running[name, binds] = self._launch(name, binds)
        return self._running[name, binds]

    def give_back(self, name: str, *, binds: bool) -> None:
        """The cell has ended."""
        if engine_of(name) in GROWING:
            self._running.pop((name, binds)).close()

    def close(self) -> None:
        for browser in self._running.values():
            browser.close()

    def _launch(self, name: str, binds: bool) -> Browser:
        found = install.find(name, headed=self._headed)
        options = binding_options(found, self._certificate) if binds else launch_options(found)
        engine: BrowserType = getattr(self._playwright, engine_of(name))
        return engine.launch(**{**self._arguments, **options})
