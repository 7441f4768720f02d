"""A key that comes from a form may be anything. No store is asked for what cannot be a key."""

from __future__ import annotations

import pytest
from support import Watched

from sessions import Store
from sessions.testing.kit import a_key, a_record

pytestmark = [pytest.mark.anyio, pytest.mark.promise("OWN-2")]

FOREIGN = {
    "nothing": "",
    "wildcards of SQL": "%",
    "as many wildcards as a key is long": "_" * 64,
    "wildcards of Redis": "*",
    "quotes": "' OR '1'='1",
    "a line end": "a" * 64 + "\n",
    "NUL": "\0" * 64,
    "a path": "../../etc/passwd",
    "capitals": "AB" * 32,
    "digits of another alphabet": "\u0661" * 64,
    "a long one": "a" * 10_000,
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
async def test_what_is_no_key_ends_nothing_and_spares_nothing(store: Store, foreign: str) -> None:
    watched = Watched(store)
    await watched.create(key := a_key(), a_record(owner="ann"))
    watched.calls.clear()
    assert await watched.destroy(foreign) is False
    assert watched.calls == {}
    assert await watched.destroy_all("ann", except_key=foreign) == 1
    assert await watched.load(key) is None
