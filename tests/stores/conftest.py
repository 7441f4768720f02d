"""The databases, one of each kind for a run (for each worker of xdist), and started when first asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services import running


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with running("redis") as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with running("postgres") as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    with running("mariadb") as url:
        yield url
