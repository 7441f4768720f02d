"""SQLiteStore keeps the promises of a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessions import SQLiteStore
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore


class TestSQLiteStore(StoreConformance):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda: SQLiteStore(tmp_path / "sessions.db")
