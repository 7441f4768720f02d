"""The index by owner: it always agrees with the records, and nobody escapes it."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from sessions._json import encode
from sessions._record import Content, Moved, Record
from sessions._session import Session
from sessions.stores.base import Store
from sessions.testing.kit import HOUR, Kit, a_key, a_record, all_at_once
from sessions.testing.requests import Visitor

OWNERS = [
    "ann",
    "Ann",
    "ann ",
    " ann",
    "änn",
    "a\u0308nn",
    "ann\n",
    "an",
    "ann:1",
    "{ann}",
    "%",
    "_nn",
    "*",
    "?nn",
    "[a]nn",
    "ann' OR '1'='1",
    'ann"; DROP TABLE sessions; --',
    "\\",
    "0",
    "00",
    "None",
    "",
    "🦉",
    "x" * 1000,
    "x" * 999 + "y",
]
"""No two of them are one user, whatever a collation or a pattern language may think."""


class OwnerPromises(Kit):
    @pytest.fixture(autouse=True)
    async def _owners_or_none(self, request: pytest.FixtureRequest, store: Store) -> None:
        if self.finds_by_owner or request.function.__name__ not in vars(OwnerPromises):
            return
        with pytest.raises(NotImplementedError):
            await store.owned_by("ann")
        pytest.skip("the store says that it does not find sessions by their owner")

    async def test_the_index_follows_the_record(self, store: Store) -> None:
        """OWN-1: a session is found under its owner from the login to the logout, and under no other."""
        key = a_key()
        owners: list[str | None] = [None, "ann", "ann", "bob", None, "ann"]
        for version, owner in enumerate(owners, 1):
            record = a_record(b"%d" % version, version=version, owner=owner)
            if version == 1:
                await store.create(key, record)
            else:
                await store.replace(key, record, expected=version - 1)
            for name in ("ann", "bob", "None", ""):
                assert await store.owned_by(name) == ([(key, record)] if name == owner else [])
        assert not await store.replace(key, a_record(version=2, owner="bob"), expected=1)
        assert await store.owned_by("bob") == []
        await store.delete(key)
        assert await store.owned_by("ann") == []

    async def test_a_tombstone_is_no_session(self, store: Store) -> None:
        """OWN-1: what a rotation leaves behind is not listed, and what follows it is ended once."""
        first, second = a_key(), a_key()
        await store.create(second, a_record(owner="ann"))
        await store.create(first, a_record(owner="ann"))
        tombstone = encode(Content(moved=Moved(second, b"seed")))
        await store.replace(first, a_record(tombstone, lives=60, version=2, owner="ann"), expected=1)
        assert sorted(key for key, _ in await store.owned_by("ann")) == sorted([first, second])
        assert [session.key for session in await store.sessions_of("ann")] == [second]
        assert await store.destroy_all("ann") == 1
        assert await store.owned_by("ann") == []

    async def test_a_record_that_loses_its_owner_is_nobodys(self, store: Store) -> None:
        """OWN-1: a record that is replaced by one without owner leaves the index."""
        key = a_key()
        await store.create(key, a_record(owner="ann"))
        await store.replace(key, a_record(lives=60, version=2), expected=1)
        assert await store.owned_by("ann") == []
        assert await store.destroy_all("ann") == 0

    async def test_sessions_come_newest_first(self, store: Store) -> None:
        """OWN-1: a user's sessions are listed, the newest first, with their age, expiry and values."""
        ages = {a_key(): age for age in (30.0, 10.0, 20.0)}
        for key, age in ages.items():
            record = a_record(b'{"data":{"age":%d}}' % age, owner="7")
            await store.create(key, Record(record.payload, 1e9 - age, record.expires_at, 1, "7"))
        await store.create(a_key(), a_record(owner="70"))
        listed = await store.sessions_of(7)
        assert [session.key for session in listed] == sorted(ages, key=lambda key: ages[key])
        assert [session.created_at.timestamp() for session in listed] == [1e9 - 10, 1e9 - 20, 1e9 - 30]
        assert [session.data["age"] for session in listed] == [10, 20, 30]

    async def test_destroy_all_spares_one_and_counts_the_others(self, store: Store) -> None:
        """OWN-2: all sessions of a user end but the one that is spared, and nobody else's."""
        mine = [a_key(), a_key(), a_key()]
        other, expired = a_key(), a_key()
        for key in mine:
            await store.create(key, a_record(owner="ann"))
        await store.create(other, a_record(owner="bob"))
        await store.create(expired, a_record(lives=-1, owner="ann"))
        assert await store.destroy_all("ann", except_key=mine[1]) == 2
        assert [key for key, _ in await store.owned_by("ann")] == [mine[1]]
        assert await store.destroy_all("ann") == 1
        assert await store.destroy_all("ann") == 0
        assert await store.owned_by("ann") == []
        assert [await store.load(key) for key in mine] == [None] * 3
        assert await store.load(other) is not None

    async def test_owners_that_look_alike_are_different(self, store: Store) -> None:
        """OWN-1: an owner is compared character for character, whatever it is made of."""
        keys = {owner: a_key() for owner in OWNERS}
        for owner, key in keys.items():
            await store.create(key, a_record(owner=owner))
        for owner, key in keys.items():
            found = await store.owned_by(owner)
            assert [(key, record.owner) for key, record in found] == [(key, owner)], repr(owner[:20])
        for number, owner in enumerate(OWNERS, 1):
            assert await store.destroy_all(owner) == 1
            alive = [name for name, key in keys.items() if await store.load(key)]
            assert alive == OWNERS[number:]

    async def test_an_owner_of_many_sessions(self, store: Store) -> None:
        """OWN-2: three hundred sessions of one user are listed and ended as well as three."""
        limit = anyio.Semaphore(20)

        async def create() -> None:
            async with limit:
                await store.create(a_key(), a_record(owner="ann"))

        await all_at_once(*[create] * 300)
        assert len(await store.sessions_of("ann")) == 300
        assert await store.destroy_all("ann") == 300
        assert await store.sessions_of("ann") == []

    async def test_the_index_agrees_with_the_records_after_a_race(self, stores: list[Store]) -> None:
        """OWN-1: when logins race, the session is found under the owner who won and under no other."""
        names = ["ann", "bob", "cleo"]
        for _ in range(10):
            key = a_key()
            await stores[0].create(key, a_record())

            async def login(n: int, key: str = key) -> None:
                for _ in range(5):
                    record = await stores[n % 2].load(key)
                    assert record is not None
                    newer = a_record(version=record.version + 1, lives=HOUR, owner=names[n % 3])
                    await stores[n % 2].replace(key, newer, expected=record.version)

            await all_at_once(*[partial(login, n) for n in range(6)])
            record = await stores[1].load(key)
            assert record is not None
            for name in names:
                assert await stores[0].owned_by(name) == ([(key, record)] if name == record.owner else [])
            await stores[0].delete(key)
            assert [await stores[1].owned_by(name) for name in names] == [[], [], []]

    async def test_a_session_that_is_rotated_meanwhile_does_not_escape(self, stores: list[Store]) -> None:
        """OWN-2: a session that gets a new id while all are being ended is ended too."""

        async def login(session: Session) -> None:
            session.owner = "ann"
            session["user"] = "ann"

        async def rotate(session: Session) -> None:
            session.rotate()

        async def rotate_often(browser: Visitor) -> None:
            for _ in range(3):
                await browser.visit(rotate)

        for _ in range(5):
            browsers = [Visitor(stores[n % 2]) for n in range(6)]
            for browser in browsers:
                await browser.visit(login)
            rotations = [partial(rotate_often, browser) for browser in browsers]
            await all_at_once(*rotations[:3], partial(stores[0].destroy_all, "ann"), *rotations[3:])
            assert await stores[1].sessions_of("ann") == []
            assert [await browser.read() for browser in browsers] == [{}] * 6
