"""The databases that the cells of a run need, each started once for all test processes."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from services import ServiceFailed, needed_by, running

URLS = pytest.StashKey[Mapping[str, str]]()


def urls_of_services(config: pytest.Config) -> Mapping[str, str]:
    """Service → the URL at which it runs."""
    if hasattr(config, "workerinput"):
        given: dict[str, str] = config.workerinput["services"]  # pyright: ignore[reportAttributeAccessIssue]
        return given
    return config.stash[URLS]


class Services:
    """Runs once, where the tests are handed out: a service that cannot start ends the run."""

    def __init__(self, config: pytest.Config, store_urls: Iterable[str]) -> None:
        self._config = config
        self._names = sorted(set().union(*map(needed_by, store_urls)))
        self._running = ExitStack()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        if self._config.option.collectonly:
            self._config.stash[URLS] = {}
            return
        try:
            self._config.stash[URLS] = {
                name: self._running.enter_context(running(name)) for name in self._names
            }
        except ServiceFailed as problem:
            self._running.close()
            raise pytest.UsageError(str(problem)) from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["services"] = self._config.stash[URLS]

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        self._running.close()
