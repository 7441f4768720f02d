"""A short run of `make scale` on each store."""

from __future__ import annotations

from pathlib import Path

import pytest

from scale import steps
from scale.figures import keep
from scale.page import page
from scale.places import STORES

SESSIONS = 400


@pytest.mark.parametrize("store", STORES)
def test_a_short_run(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "TIMED", 20)
    monkeypatch.setattr(steps, "FEW", 100)
    found = steps.measured(store, SESSIONS)
    assert found.owner.sessions == SESSIONS // 100
    if store == "redis":
        assert found.purge is None
    else:
        assert found.purge is not None
        assert found.purge.removed == SESSIONS // 10
    kept = keep(tmp_path / "scale.json", [found])
    assert kept == keep(tmp_path / "scale.json", [])
    assert f"| sessions | {SESSIONS:,} |" in page(kept)
