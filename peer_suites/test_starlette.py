"""Starlette's `tests/middleware/test_session.py`, all of it, on each store."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import anyio
import pytest

from peer_suites import shim_session, shim_starlette
from peer_suites.stores import MAKE
from sessions.stores import Storage, Store

test_client_factory = import_module("tests.conftest").test_client_factory
theirs = import_module("tests.middleware.test_session")
globals().update({name: test for name, test in vars(theirs).items() if name.startswith("test_")})


@pytest.fixture(autouse=True, params=MAKE)
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Put ours in place of what their module has imported."""
    made: list[Storage] = []

    def make_store() -> Storage:
        made.append(MAKE[request.param](tmp_path))
        return made[-1]

    monkeypatch.setattr(theirs, "Session", shim_session.make_session)
    monkeypatch.setattr(theirs, "SessionMiddleware", shim_starlette.on(make_store))
    yield
    for store in made:
        if isinstance(store, Store):
            anyio.run(store.close)
