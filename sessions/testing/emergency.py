"""All sessions of all users end at once, and nobody escapes it."""

from __future__ import annotations

import time
from functools import partial
from math import inf

import pytest

from sessions._record import Record
from sessions._session import Session
from sessions.stores.base import Store
from sessions.testing.kit import HOUR, Kit, a_key, a_record, all_at_once
from sessions.testing.requests import Visitor


class EmergencyPromises(Kit):
    @pytest.fixture(autouse=True)
    async def _everything_or_nothing(self, request: pytest.FixtureRequest, store: Store) -> None:
        if self.ends_everything or request.function.__name__ not in vars(EmergencyPromises):
            return
        with pytest.raises(NotImplementedError):
            await store.destroy_everything()
        pytest.skip("the store says that it does not end the sessions of all users")

    async def test_what_is_older_is_deleted_and_nothing_else(self, store: Store) -> None:
        """OWN-3: `delete_older` goes by when a session began, whoever it belongs to."""
        records = {a_key(): a_record(owner=owner) for owner in (None, "ann", "bob")}
        now = time.time()
        moments = dict(zip(records, (now - HOUR, now, now + HOUR), strict=True))
        for key, record in records.items():
            dated = Record(record.payload, moments[key], record.expires_at, 1, record.owner)
            assert await store.create(key, dated)
        assert await store.delete_older(now - HOUR - 1) == 0
        assert await store.delete_older(now) == 2
        assert [bool(await store.load(key)) for key in records] == [False, False, True]
        if self.finds_by_owner:
            assert await store.owned_by("ann") == []
            assert len(await store.owned_by("bob")) == 1
        assert await store.delete_older(inf) == 1
        assert [await store.load(key) for key in records] == [None] * 3
        assert await store.delete_older(inf) == 0

    async def test_many_are_deleted_as_well_as_three(self, store: Store) -> None:
        """OWN-3: however many there are, and however they are divided to be deleted."""
        keys = [a_key() for _ in range(1203)]

        async def create(part: list[str]) -> None:
            for key in part:
                await store.create(key, a_record(lives=HOUR, owner="ann" if key < "8" else None))

        await all_at_once(*[partial(create, keys[start::20]) for start in range(20)])
        assert await store.delete_older(inf) == len(keys)
        assert not any([await store.load(key) for key in keys[::40]])

    async def test_everybodys_session_ends_also_if_it_gets_new_ids_meanwhile(
        self, stores: list[Store]
    ) -> None:
        """OWN-3: no session that was there at the call is alive after it, under whatever id."""

        async def begin(session: Session) -> None:
            session["old"] = True

        async def rotate(session: Session) -> None:
            if not session.is_new:
                session.rotate()
                session.increment("rotations")

        async def rotate_often(browser: Visitor) -> None:
            for _ in range(5):
                await browser.visit(rotate)

        for _ in range(5):
            browsers = [Visitor(stores[n % 2]) for n in range(8)]
            for browser in browsers:
                await browser.visit(begin)
            rotations = [partial(rotate_often, browser) for browser in browsers]
            await all_at_once(*rotations[:4], stores[0].destroy_everything, *rotations[4:])
            assert [await browser.read() for browser in browsers] == [{}] * 8
            assert await stores[1].delete_older(inf) == 0
