from __future__ import annotations

from collections.abc import Iterator

import pytest

from services import running


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A server of its own, which starts when it is first asked for."""
    with running("redis") as url:
        yield url
