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
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sessions._record import Record
from sessions.stores.base import Store
from sessions.testing.kit import Kit, MakeStore

PAST = (1.0, 1e9)
FUTURE = (4e9, 4e9 + 0.1, inf)
"""Seconds since the epoch, all far from now: a store may go by its server's clock, which no test can set."""

SLOTS = 3
slots = st.integers(0, SLOTS - 1)
owners = st.sampled_from([None, "ann", "bob"])
records = st.builds(
    Record,
    payload=st.binary(max_size=50),
    created_at=st.floats(0, 4e9, allow_subnormal=False),
    expires_at=st.sampled_from(PAST + FUTURE * 2),
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
        self.versions: dict[str, int] = {}
        self.used = [0] * SLOTS

    @initialize(first=st.lists(records, min_size=SLOTS, max_size=SLOTS))
    def begin(self, first: list[Record]) -> None:
        for slot, record in enumerate(first):
            self.create(slot, record)

    @rule(slot=slots, record=records)
    def create(self, slot: int, record: Record) -> None:
        if self.key(slot) in self.deleted:
            self.used[slot] += 1  # a key is never used twice
        key, record = self.key(slot), self.own(record)
        created = self.portal.call(partial(self.store.create, key, record))
        assert created is (self.living(key) is None)
        if created:
            self.model[key] = record
            self.versions[key] = record.version

    @precondition(lambda self: any(self.living(self.key(slot)) for slot in range(SLOTS)))
    @rule(pick=slots, record=records)
    def replace(self, pick: int, record: Record) -> None:
        """What is alive, by its version."""
        alive = [key for slot in range(SLOTS) if self.living(key := self.key(slot))]
        key = alive[pick % len(alive)]
        self.replace_any(key, record, self.versions[key])

    @rule(slot=slots, record=records, known=st.booleans(), guess=st.integers(0, 1000))
    def try_to_replace(self, slot: int, record: Record, known: bool, guess: int) -> None:
        """By any version. Even the right one must not help what has expired or was deleted."""
        key = self.key(slot)
        self.replace_any(key, record, self.versions.get(key, guess) if known else guess)

    def replace_any(self, key: str, record: Record, expected: int) -> None:
        living, record = self.living(key), self.own(record)
        replaced = self.portal.call(partial(self.store.replace, key, record, expected=expected))
        assert replaced is (living is not None and living.version == expected)
        if replaced:
            self.model[key] = record
            self.versions[key] = record.version

    @rule(slot=slots)
    def load(self, slot: int) -> None:
        key = self.key(slot)
        assert self.portal.call(partial(self.store.load, key)) == self.living(key)

    @rule(slot=slots)
    def delete(self, slot: int) -> None:
        key = self.key(slot)
        self.portal.call(partial(self.store.delete, key))
        self.model.pop(key, None)
        self.deleted.add(key)

    @rule()
    def purge(self) -> None:
        # How many is tested elsewhere: here the store may have removed some on the way.
        assert self.portal.call(self.store.purge) >= 0
        self.model = {key: living for key in self.model if (living := self.living(key))}

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
        assert {session.key for session in listed} == set(expected)

    @rule(owner=st.sampled_from(["ann", "bob"]))
    def destroy_all(self, owner: str) -> None:
        if not self.finds_by_owner:
            return
        name = f"{self.run} {owner}"
        ended = [key for key in self.model if (r := self.living(key)) and r.owner == name]
        assert self.portal.call(partial(self.store.destroy_all, name)) == len(ended)
        for key in ended:
            del self.model[key]
            self.deleted.add(key)

    @rule()
    def close(self) -> None:
        self.portal.call(self.store.close)

    def teardown(self) -> None:
        keys = {*self.versions, *self.deleted}
        found = {key: self.portal.call(self.store.load, key) for key in keys}
        for key in keys:
            self.portal.call(self.store.delete, key)
        assert found == {key: self.living(key) for key in keys}

    def key(self, slot: int) -> str:
        return sha256(f"{self.run} {slot} {self.used[slot]}".encode()).hexdigest()

    def own(self, record: Record) -> Record:
        owner = None if record.owner is None else f"{self.run} {record.owner}"
        return Record(record.payload, record.created_at, record.expires_at, record.version, owner)

    def living(self, key: str) -> Record | None:
        record = self.model.get(key)
        return record if record is not None and record.expires_at > time.time() else None


class MachinePromises(Kit):
    machine_settings: ClassVar[settings] = settings(max_examples=60, stateful_step_count=40, deadline=None)
    """How much is tried. No deadline: a store behind a network may take its time."""

    def test_it_answers_like_a_dictionary(self, make_store: MakeStore, anyio_backend: Any) -> None:
        """After any calls in any order the store answers as a dictionary with expiry would."""
        backend, options = (anyio_backend, {}) if isinstance(anyio_backend, str) else anyio_backend
        with start_blocking_portal(backend, options) as portal_:
            made = make_store()
            self.go_by_what_it_has(made)

            class Machine(StoreMachine):
                portal = portal_
                store = made
                finds_by_owner = self.finds_by_owner

            try:
                run_state_machine_as_test(Machine, settings=self.machine_settings)
            finally:
                portal_.call(Machine.store.close)
