"""MemoryStore keeps the promises of a store."""

from __future__ import annotations

import pytest

from sessions import MemoryStore
from sessions.testing import StoreConformance
from sessions.testing.kit import MakeStore


class TestMemoryStore(StoreConformance):
    shared = False

    @pytest.fixture
    def make_store(self) -> MakeStore:
        return MemoryStore
