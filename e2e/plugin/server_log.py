"""Put what the server wrote during a test that failed into the test's report. Runs where the tests run."""

from collections.abc import Generator
from typing import Any

import pytest

LOG_OFFSET = pytest.StashKey[int]()
"""Of an item: how long the server's log was before it."""


class ServerLog:
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        if server := item.funcargs.get("server"):  # type: ignore[attr-defined]
            item.stash[LOG_OFFSET] = server.log.stat().st_size
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        result = yield
        if result.failed and LOG_OFFSET in item.stash:
            said = item.funcargs["server"].said_since(item.stash[LOG_OFFSET])  # type: ignore[attr-defined]
            if said.strip():
                result.sections.append(("What the server said meanwhile", said))
        return result
