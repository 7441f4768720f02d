"""Any calls in any order: the store and a plain dictionary give the same answers."""

from __future__ import annotations

import secrets
import time
from functools import partial
from hashlib import sha256
from math import inf
from typing import Any, ClassVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from sessions.record import Record
from sessions.stores.base import Store
from sessions.testing.kit import Kit, MakeStore

PAST = (1.0, 1e9)
FUTURE = (4e9, 4e9 + 0.1, inf)
"""Seconds since the epoch, all far from now: a store may go by its server's clock, which no test can set."""

numbers = st.integers(0, 4)
owners = st.sampled_from([None, "ann", "bob"])
records = st.builds(
    Record,
    payload=st.binary(max_size=50),
    created_at=st.floats(0, 4e9, allow_subnormal=False),
    expires_at=st.sampled_from(PAST + FUTURE),
    version=st.integers(1, 1000),
    owner=owners,
)


class StoreMachine(RuleBasedStateMachine):
    """The model keeps expired records until a purge, but no answer may show them."""

    portal: ClassVar[BlockingPortal]
    store: ClassVar[Store]
    finds_by_owner: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        # All runs share one store, so each has keys and owners of its own, and cleans up.
        self.run = secrets.token_hex(8)
        self.model: dict[str, Record] = {}
        self.deleted: set[str] = set()

    @rule(number=numbers, record=records)
    def create(self, number: int, record: Record) -> None:
        key, record = self.key(number), self.own(record)
        if key in self.deleted:
            return  # a key is never used twice
        created = self.portal.call(partial(self.store.create, key, record))
        assert created is (self.living(key) is None)
        if created:
            self.model[key] = record

    @rule(number=numbers, record=records, known=st.booleans(), guess=st.integers(0, 1000))
    def replace(self, number: int, record: Record, known: bool, guess: int) -> None:
        key, record, living = self.key(number), self.own(record), self.living(self.key(number))
        expected = living.version if known and living else guess
        replaced = self.portal.call(partial(self.store.replace, key, record, expected=expected))
        assert replaced is (living is not None and living.version == expected)
        if replaced:
            self.model[key] = record

    @rule(number=numbers)
    def load(self, number: int) -> None:
        key = self.key(number)
        assert self.portal.call(partial(self.store.load, key)) == self.living(key)

    @rule(number=numbers)
    def delete(self, number: int) -> None:
        key = self.key(number)
        self.portal.call(partial(self.store.delete, key))
        self.model.pop(key, None)
        self.deleted.add(key)

    @rule()
    def purge(self) -> None:
        # Fewer where the store has removed some on the way, as it may.
        expired = [key for key in self.model if self.living(key) is None]
        assert 0 <= self.portal.call(self.store.purge) <= len(expired)
        for key in expired:
            del self.model[key]

    @rule(owner=st.sampled_from(["ann", "bob"]))
    def find(self, owner: str) -> None:
        if not self.finds_by_owner:
            return
        name = f"{self.run} {owner}"
        expected = {
            key: living for key in self.model if (living := self.living(key)) and living.owner == name
        }
        found = self.portal.call(partial(self.store.owned_by, name))
        assert len(found) == len(expected)
        assert dict(found) == expected
        listed = self.portal.call(partial(self.store.sessions_of, name))
        assert {session.key for session in listed} == {key for key, each in expected.items() if each.payload}

    @rule(owner=st.sampled_from(["ann", "bob"]))
    def destroy_all(self, owner: str) -> None:
        if not self.finds_by_owner:
            return
        name = f"{self.run} {owner}"
        ended = [key for key in self.model if (r := self.living(key)) and r.owner == name and r.payload]
        assert self.portal.call(partial(self.store.destroy_all, name)) == len(ended)
        for key in ended:
            del self.model[key]
            self.deleted.add(key)

    @rule()
    def close(self) -> None:
        self.portal.call(self.store.close)

    def teardown(self) -> None:
        for number in range(5):
            self.load(number)
            self.delete(number)

    def key(self, number: int) -> str:
        return sha256(f"{self.run} {number}".encode()).hexdigest()

    def own(self, record: Record) -> Record:
        owner = None if record.owner is None else f"{self.run} {record.owner}"
        return Record(record.payload, record.created_at, record.expires_at, record.version, owner)

    def living(self, key: str) -> Record | None:
        record = self.model.get(key)
        return record if record is not None and record.expires_at > time.time() else None


class MachinePromises(Kit):
    def test_it_answers_like_a_dictionary(self, make_store: MakeStore, anyio_backend: Any) -> None:
        """After any calls in any order the store answers as a dictionary with expiry would."""
        backend, options = (anyio_backend, {}) if isinstance(anyio_backend, str) else anyio_backend
        with start_blocking_portal(backend, options) as portal_:

            class Machine(StoreMachine):
                portal = portal_
                store = make_store()
                finds_by_owner = self.finds_by_owner

            try:
                # Only how much it tries is set here; a store behind a network may take its time.
                wanted = settings(max_examples=60, stateful_step_count=30, deadline=None)
                run_state_machine_as_test(Machine, settings=wanted)
            finally:
                portal_.call(Machine.store.close)
