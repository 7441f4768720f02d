from __future__ import annotations

from pathlib import Path

import pytest

from peer_suites.differences import read
from peer_suites.strict import Strict

pytest.register_assert_rewrite("tests.middleware.test_session")


def pytest_configure(config: pytest.Config) -> None:
    differences = read((Path(__file__).parent / "differences.yml").read_text())
    config.pluginmanager.register(Strict(differences))
