"""BAD-3: a short run of `make torture` on each store, in which each nemesis strikes that is not slow."""

from __future__ import annotations

import asyncio

import pytest

from torture.nemeses import of_store
from torture.report import page
from torture.run import PURGE, run
from torture.servers import STORES

OPERATIONS = 800


@pytest.mark.promise("BAD-3")
@pytest.mark.parametrize("store", STORES)
def test_a_short_run_without_a_violation(store: str) -> None:
    result = asyncio.run(run(store, OPERATIONS))
    assert result.violations == []
    assert result.operations >= OPERATIONS
    assert result.strikes.keys() == {PURGE, *(nemesis.name for nemesis in of_store(store, short=True))}
    assert result.checked["acknowledged changes found again"] > OPERATIONS
    assert result.checked["requests with a cookie that is over"] > 0
    told = page([result])
    assert f"{result.operations:,}" in told
    assert "**0**" in told
