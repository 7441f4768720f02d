"""BAD-3: a short run of `make torture` on each store, in which each nemesis strikes that is not slow."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import torture.run
from services import Valkey
from torture.nemeses import of_store
from torture.report import page
from torture.run import PURGE, run
from torture.servers import STORES
from torture.summary import Summary, keep

OPERATIONS = 800


@pytest.mark.promise("BAD-3")
@pytest.mark.parametrize("store", STORES)
def test_a_short_run_without_a_violation(store: str) -> None:
    result = asyncio.run(run(store, OPERATIONS))
    assert result.violations == []
    assert result.operations >= OPERATIONS
    assert result.strikes.keys() == {PURGE, *(nemesis.name for nemesis in of_store(store, short=True))}
    assert result.checked["acknowledged changes found again"] > OPERATIONS // 4
    assert result.checked["requests with a cookie that is over"] > 0
    told = page([Summary.of(result)])
    assert f"{result.operations:,}" in told
    assert "**0**" in told


@pytest.mark.promise("BAD-3")
def test_a_store_that_forgets_when_it_is_killed_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey without its log of changes: what it has acknowledged is gone."""
    command = Valkey.command
    monkeypatch.setattr(Valkey, "command", lambda self: [*command(self), "--appendonly", "no"])
    killed = [nemesis for nemesis in of_store("redis", short=True) if nemesis.name == "the store is killed"]
    monkeypatch.setattr(torture.run, "of_store", lambda *_, **__: killed)
    result = asyncio.run(run("redis", OPERATIONS))
    assert "nobody becomes anonymous without a logout" in {violation.rule for violation in result.violations}
    assert result.histories
    assert "**0**" not in page([Summary.of(result)])


def summary(store: str, operations: int) -> Summary:
    return Summary(store, f"The {store} store", "", "2026-11-27", operations, 1, 0, 0, 1, {}, {}, {})


@pytest.mark.promise("BAD-3")
def test_a_run_on_one_store_leaves_what_is_known_of_the_others(tmp_path: Path) -> None:
    file = tmp_path / "torture.json"
    keep(file, [summary("redis", 1), summary("memory", 2)])
    kept = keep(file, [summary("redis", 3)])
    assert [(each.store, each.operations) for each in kept] == [("memory", 2), ("redis", 3)]
    told = page(kept)
    assert told.index("The memory store") < told.index("The redis store")
