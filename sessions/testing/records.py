"""One record after the other: it comes back as it was, and changes only when the version is right."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from functools import partial
from math import inf

import anyio
import pytest

from sessions._record import Record
from sessions.stores.base import Store
from sessions.testing.kit import HOUR, Kit, MakeStore, a_key, a_record, all_at_once

PAYLOADS = {
    "nothing": b"",
    "every byte": bytes(range(256)),
    "only NUL": b"\0\0\0",
    "no UTF-8": b"\xff\xfe\xc3\x28",
    "line ends": b"\r\n\n\r",
    "a megabyte": secrets.token_bytes(1_000_000),
}


class RecordPromises(Kit):
    def test_it_has_what_it_is_said_to_have(self, make_store: MakeStore) -> None:
        """A store without one of the optional methods says so."""
        store = make_store()
        if missing := self.missing(store):
            has_no = _listed(f"no {method}" for method in missing.values())
            say = _listed(f"{attribute} = False" for attribute in missing)
            pytest.fail(
                f"{type(store).__name__} has {has_no}: write it, or say {say} in {type(self).__name__}",
                pytrace=False,
            )

    @pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
    async def test_a_payload_comes_back_byte_for_byte(self, store: Store, payload: bytes) -> None:
        """A payload of any bytes comes back as it was, from `create` and from `replace`."""
        created, replaced = a_key(), a_key()
        record = a_record(payload)
        await store.create(created, record)
        await store.create(replaced, a_record(b"before"))
        await store.replace(replaced, record, expected=1)
        for key in (created, replaced):
            same = _fields(await store.load(key)) == _fields(record)
            # Not compared in the assertion: with CI set, pytest would work for minutes on a full difference.
            assert same, "the payload that came back is another"

    @pytest.mark.parametrize(
        "record",
        [
            Record(b"x", 1_700_000_000.123456, 4_000_000_000.654321, 1),
            Record(b"x", 0.1 + 0.2, 4_000_000_000.1 + 0.2, 1),
            Record(b"x", 1_700_000_000.0, inf, 1),
            Record(b"x", 1_700_000_000.0, 4_000_000_000.0, 2**31 - 1),
            Record(b"x", 1_700_000_000.0, 4_000_000_000.0, 1, "Zoë 🦉 & Co."),
            Record(b"x", 1_700_000_000.0, 4_000_000_000.0, 1, ""),
        ],
        ids=["microseconds", "every bit of a float", "no end", "large version", "owner", "empty owner"],
    )
    async def test_times_version_and_owner_come_back_exactly(self, store: Store, record: Record) -> None:
        """Times come back to the last bit, "never" as infinity, and version and owner as they were."""
        key = a_key()
        await store.create(key, record)
        assert _fields(await store.load(key)) == _fields(record)

    async def test_an_unknown_key_is_none(self, store: Store) -> None:
        """NEW-2: the store knows nothing that was never put there."""
        assert await store.load(a_key()) is None

    async def test_create_refuses_a_key_that_is_taken(self, store: Store) -> None:
        """`create` never overwrites a living record, and says so."""
        key, record = a_key(), a_record(b"first")
        assert await store.create(key, record) is True
        assert await store.create(key, a_record(b"second", version=1)) is False
        assert await store.load(key) == record

    async def test_replace_compares_versions(self, store: Store) -> None:
        """`replace` replaces the version that it expects, and no older or newer one."""
        key, second = a_key(), a_record(b"second", version=2)
        await store.create(key, a_record(b"first"))
        assert await store.replace(key, second, expected=1) is True
        for expected in (0, 1, 3):
            assert await store.replace(key, a_record(b"late", version=3), expected=expected) is False
        assert await store.load(key) == second

    async def test_replace_answers_true_also_when_nothing_differs(self, store: Store) -> None:
        """What `replace` says depends on the version alone, not on whether a byte has changed."""
        key, record = a_key(), a_record()
        await store.create(key, record)
        assert await store.replace(key, record, expected=1) is True

    async def test_replace_creates_nothing(self, store: Store) -> None:
        """OUT-2: `replace` brings nothing into being that was deleted, has expired, or never was."""
        never, deleted, expired = a_key(), a_key(), a_key()
        await store.create(deleted, a_record())
        await store.delete(deleted)
        await store.create(expired, a_record(lives=-1))
        for key in (never, deleted, expired):
            for expected in (0, 1):
                assert await store.replace(key, a_record(version=2), expected=expected) is False
            assert await store.load(key) is None

    async def test_delete_removes_one_record_and_may_be_repeated(self, store: Store) -> None:
        """OUT-1: what was deleted is gone, once and for all, and nothing else is."""
        key, other = a_key(), a_key()
        await store.create(key, a_record())
        await store.create(other, a_record())
        for _ in range(2):
            await store.delete(key)
            assert await store.load(key) is None
        await store.delete(a_key())
        assert await store.load(other) is not None

    async def test_many_records_live_side_by_side(self, store: Store) -> None:
        """A thousand records come back each for itself, and of the expired half nothing is left."""
        records = {a_key(): a_record(b"%d" % n, lives=HOUR if n % 2 else -HOUR) for n in range(1000)}
        limit = anyio.Semaphore(20)

        async def create(key: str) -> None:
            async with limit:
                assert await store.create(key, records[key])

        await all_at_once(*[partial(create, key) for key in records])
        purged = await store.purge()
        if self.counts_purged:
            assert purged == 500
        now = time.time()
        for key, record in records.items():
            assert await store.load(key) == (record if record.expires_at > now else None)

    async def test_a_closed_store_opens_again(self, store: Store, make_store: MakeStore) -> None:
        """After `close()` a store is used as before, with all that was in it."""
        key, record = a_key(), a_record(owner="ann")
        await store.create(key, record)
        for _ in range(3):
            await store.close()
            await store.close()
            assert await store.load(key) == record
        await store.close()
        assert await store.replace(key, a_record(version=2), expected=1)
        await make_store().close()  # one that was never used

    async def test_two_stores_on_the_same_data_agree(self, stores: list[Store]) -> None:
        """What one process saved, another sees at once."""
        if not self.shared:
            pytest.skip("the store says that it is not shared")
        first, second = stores
        key, record, newer = a_key(), a_record(owner="ann"), a_record(b"newer", version=2, owner="ann")
        assert await second.load(key) is None
        await first.create(key, record)
        assert await second.load(key) == record
        assert await second.create(key, record) is False
        assert await second.replace(key, newer, expected=1) is True
        assert await first.replace(key, a_record(version=2), expected=1) is False
        assert await first.load(key) == newer
        await first.close()
        assert await second.load(key) == newer
        await second.delete(key)
        assert await first.load(key) is None


def _fields(record: Record | None) -> list[tuple[type, object]]:
    """With their types, because a Decimal or a view of a buffer may equal what was stored and not be it."""
    assert record is not None
    values = (record.payload, record.created_at, record.expires_at, record.version, record.owner)
    return [(type(value), value) for value in values]


def _listed(parts: Iterable[str]) -> str:
    *some, last = parts
    return f"{', '.join(some)} and {last}" if some else last
