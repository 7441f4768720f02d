"""What the parts of the kit share: the settings of a store's author, the fixtures, records to store."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, ClassVar

import anyio
import pytest

from sessions._record import Record
from sessions.stores.base import Store

MakeStore = Callable[[], Store]

HOUR = 3600.0
"""Seconds."""

GRACE = 0.1
"""Seconds by which the store's clock may be behind this process's."""

OPTIONAL = {
    "finds_by_owner": "owned_by",
    "ends_everything": "delete_older",
    "counts_sessions": "count",
    "scans_sessions": "scan",
}
"""Of each optional method the attribute that says whether the store has it."""


class Kit:
    pytestmark = pytest.mark.anyio

    backends: ClassVar[Sequence[str | tuple[str, dict[str, Any]]]] = ("asyncio", "trio")
    """Where the store runs. `("asyncio",)` for one whose client knows nothing else."""

    shared: ClassVar[bool] = True
    """Whether several store objects (of several processes) see the same data."""

    counts_purged: ClassVar[bool] = True
    """Whether `purge()` says how many there were; a store with a native time to live says 0."""

    finds_by_owner: bool = True
    """Whether the store has `owned_by`."""

    ends_everything: bool = True
    """Whether the store has `delete_older`."""

    counts_sessions: bool = True
    """Whether the store has `count`."""

    scans_sessions: bool = True
    """Whether the store has `scan`."""

    patience: ClassVar[float] = 30.0
    """Seconds after which a call that has not returned counts as stuck."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "anyio_backend" in metafunc.fixturenames:
            names = [backend if isinstance(backend, str) else backend[0] for backend in self.backends]
            metafunc.parametrize("anyio_backend", self.backends, indirect=True, ids=names)

    @pytest.fixture
    def anyio_backend(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    @pytest.fixture
    def make_store(self) -> MakeStore:
        """A function without arguments. Each call makes one more store object on the same data.

        The data is empty when a test begins. The store is used in an event loop of the test's, so the
        function opens nothing by itself; the fixture may `yield` it and clean up behind it.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a fixture make_store; see sessions.testing")

    @pytest.fixture
    async def store(self, make_store: MakeStore, anyio_backend: Any) -> AsyncIterator[Store]:
        store = make_store()
        self.go_by_what_it_has(store)
        yield store
        await store.close()

    @pytest.fixture
    async def stores(self, store: Store, make_store: MakeStore) -> AsyncIterator[list[Store]]:
        """The store as two workers have it: two objects on the same data, where that is possible."""
        if not self.shared:
            yield [store, store]
            return
        second = make_store()
        yield [store, second]
        await second.close()

    def missing(self, store: Store) -> dict[str, str]:
        """The optional methods that the store lacks and the class does not say so, by attribute."""
        return {
            attribute: method
            for attribute, method in OPTIONAL.items()
            if getattr(type(self), attribute) and getattr(type(store), method) is getattr(Store, method)
        }

    def go_by_what_it_has(self, store: Store) -> None:
        """One test fails for a method that is missing, and the others do without it."""
        for attribute in self.missing(store):
            setattr(self, attribute, False)


def a_key() -> str:
    return secrets.token_hex(32)


def a_record(
    payload: bytes = b'{"data":{}}', *, lives: float = HOUR, version: int = 1, owner: str | None = None
) -> Record:
    """A record that ends in `lives` seconds, or ended so long ago if that is negative."""
    now = time.time()
    return Record(payload, now, now + lives, version, owner)


async def all_at_once(*functions: Callable[[], Coroutine[Any, Any, Any]], seconds: float = 60.0) -> None:
    """Call all of them at once and wait for the last. Raises `TimeoutError` when that takes too long."""
    with anyio.fail_after(seconds):
        async with anyio.create_task_group() as tasks:
            for function in functions:
                tasks.start_soon(function)
