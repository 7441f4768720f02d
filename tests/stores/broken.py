"""A small right store, and stores that are each wrong in one thing that a store's author may get wrong."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from anyio.lowlevel import checkpoint
from msgspec.structs import replace as with_fields

from sessions._record import Record
from sessions.stores.base import Store

Data = dict[str, Record]


class RightStore(Store):
    """It yields to other tasks before and after each atomic step, as one behind a network does."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def alive(self, key: str) -> Record | None:
        record = self.data.get(key)
        return record if record is not None and record.expires_at > time.time() else None

    async def create(self, key: str, record: Record) -> bool:
        await checkpoint()
        created = self.alive(key) is None
        if created:
            self.data[key] = record
        await checkpoint()
        return created

    async def load(self, key: str) -> Record | None:
        await checkpoint()
        return self.alive(key)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        await checkpoint()
        current = self.alive(key)
        replaced = current is not None and current.version == expected
        if replaced:
            self.data[key] = record
        await checkpoint()
        return replaced

    async def delete(self, key: str) -> None:
        await checkpoint()
        self.data.pop(key, None)

    async def purge(self) -> int:
        await checkpoint()
        expired = [key for key in self.data if not self.alive(key)]
        for key in expired:
            del self.data[key]
        return len(expired)

    async def delete_older(self, moment: float) -> int:
        await checkpoint()
        older = [key for key, record in self.data.items() if record.created_at <= moment]
        for key in older:
            del self.data[key]
        await checkpoint()
        return len(older)

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        await checkpoint()
        return [
            (key, record) for key, record in self.data.items() if record.owner == owner and self.alive(key)
        ]

    async def count(self) -> int:
        await checkpoint()
        return sum(self.alive(key) is not None for key in self.data)

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        for key in list(self.data):
            await checkpoint()
            if record := self.alive(key):
                yield key, record


class CreateOverwrites(RightStore):
    async def create(self, key: str, record: Record) -> bool:
        self.data[key] = record
        return True


class CreateMeetsTheExpired(RightStore):
    async def create(self, key: str, record: Record) -> bool:
        return key not in self.data and await super().create(key, record)


class CreateInTwoSteps(RightStore):
    async def create(self, key: str, record: Record) -> bool:
        if await self.load(key) is not None:
            return False
        await checkpoint()
        self.data[key] = record
        return True


class LoadShowsTheExpired(RightStore):
    async def load(self, key: str) -> Record | None:
        return self.data.get(key)


class LoadFromACache(RightStore):
    def __init__(self, data: Data) -> None:
        super().__init__(data)
        self.cache: Data = {}

    async def load(self, key: str) -> Record | None:
        if key not in self.cache and (record := self.alive(key)):
            self.cache[key] = record
        return self.cache.get(key)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        self.cache.pop(key, None)
        return await super().replace(key, record, expected=expected)

    async def delete(self, key: str) -> None:
        self.cache.pop(key, None)
        await super().delete(key)


class ReplaceIgnoresTheVersion(RightStore):
    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        await checkpoint()
        if not self.alive(key):
            return False
        self.data[key] = record
        return True


class ReplaceCreates(RightStore):
    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        current = self.alive(key)
        if current is None or current.version == expected:
            self.data[key] = record
            return True
        return False


class ReplaceRevivesTheExpired(RightStore):
    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        current = self.data.get(key)
        if current is None or current.version != expected:
            return False
        self.data[key] = record
        return True


class ReplaceInTwoSteps(RightStore):
    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        current = await self.load(key)
        await checkpoint()
        if current is None or current.version != expected:
            return False
        self.data[key] = record
        return True


class ReplaceKeepsTheExpiry(RightStore):
    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        current = self.alive(key)
        expires_at = current.expires_at if current else 0.0
        return await super().replace(key, with_fields(record, expires_at=expires_at), expected=expected)


class DeleteOnlyHides(RightStore):
    """By an expiry in the past, which leaves the record to a replacement that was under way."""

    async def delete(self, key: str) -> None:
        if record := self.data.get(key):
            await checkpoint()
            self.data[key] = with_fields(record, payload=b"")


class DeleteFailsTheSecondTime(RightStore):
    async def delete(self, key: str) -> None:
        del self.data[key]


class PurgeTakesTheLiving(RightStore):
    async def purge(self) -> int:
        for key in [key for key, record in self.data.items() if record.expires_at < time.time() + 60]:
            del self.data[key]
        return 0


class PurgeLeavesSome(RightStore):
    async def purge(self) -> int:
        expired = [key for key in self.data if not self.alive(key)][:3]
        for key in expired:
            del self.data[key]
        return len(expired)


class PurgeGoesByTheFirstExpiry(RightStore):
    first: dict[str, float]

    async def create(self, key: str, record: Record) -> bool:
        self.first = {**getattr(self, "first", {}), key: record.expires_at}
        return await super().create(key, record)

    async def purge(self) -> int:
        expired = [key for key, at in getattr(self, "first", {}).items() if at <= time.time()]
        return sum(self.data.pop(key, None) is not None for key in expired)


class PayloadAsText(RightStore):
    async def load(self, key: str) -> Record | None:
        record = await super().load(key)
        return record and with_fields(record, payload=record.payload.decode("utf-8", "replace").encode())


class PayloadUpToNul(RightStore):
    async def load(self, key: str) -> Record | None:
        record = await super().load(key)
        return record and with_fields(record, payload=record.payload.partition(b"\0")[0])


class PayloadAsBuffer(RightStore):
    async def load(self, key: str) -> Record | None:
        record = await super().load(key)
        return record and with_fields(record, payload=memoryview(record.payload))


class TimesInMilliseconds(RightStore):
    async def load(self, key: str) -> Record | None:
        record = await super().load(key)
        return record and with_fields(record, created_at=round(record.created_at, 3))


class OwnersInAnyCase(RightStore):
    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        living = [(key, record) for key, record in self.data.items() if self.alive(key)]
        return [(key, record) for key, record in living if (record.owner or "").lower() == owner.lower()]


class OwnersCutShort(RightStore):
    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        living = [(key, record) for key, record in self.data.items() if self.alive(key)]
        return [(key, record) for key, record in living if (record.owner or "")[:255] == owner[:255]]


class OwnersIncludeTheExpired(RightStore):
    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        return [(key, record) for key, record in self.data.items() if record.owner == owner]


class OwnersListedTwice(RightStore):
    """As an index does that is added to with each replacement."""

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        return [
            found for found in await super().owned_by(owner) for _ in range(2 if found[1].version > 1 else 1)
        ]


class _WithIndex(RightStore):
    """Finds owners by an index of its own, in which the subclasses then forget something."""

    def __init__(self, data: Data) -> None:
        super().__init__(data)
        self.index: dict[str, dict[str, Record]] = {}

    def note(self, key: str, record: Record) -> None:
        if record.owner is not None:
            self.index.setdefault(record.owner, {})[key] = record

    async def create(self, key: str, record: Record) -> bool:
        created = await super().create(key, record)
        if created:
            self.note(key, record)
        return created

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        return list(self.index.get(owner, {}).items())


class DeleteForgetsTheIndex(_WithIndex):
    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        replaced = await super().replace(key, record, expected=expected)
        if replaced:
            for keys in self.index.values():
                keys.pop(key, None)
            self.note(key, record)
        return replaced


class ReplaceForgetsTheIndex(_WithIndex):
    async def delete(self, key: str) -> None:
        await super().delete(key)
        for keys in self.index.values():
            keys.pop(key, None)


class DestroyAllLooksOnce(RightStore):
    async def destroy_all(self, owner: str | int, *, except_key: str | None = None) -> int:
        keys = [session.key for session in await self.sessions_of(owner)]
        for key in keys:
            await self.delete(key)
        return len(keys)


class DeleteOlderTakesTheYounger(RightStore):
    async def delete_older(self, moment: float) -> int:
        return await super().delete_older(float("inf"))


class DeleteOlderForgetsTheLast(RightStore):
    async def delete_older(self, moment: float) -> int:
        older = [key for key, record in self.data.items() if record.created_at <= moment][:1000]
        for key in older:
            await self.delete(key)
        return len(older)


class CountIncludesTheExpired(RightStore):
    async def count(self) -> int:
        return len(self.data)


class CountsTheFirstPage(RightStore):
    async def count(self) -> int:
        return min(await super().count(), 1000)


class ScanShowsTheExpired(RightStore):
    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        for key, record in list(self.data.items()):
            yield key, record


class ScanForgetsTheLast(RightStore):
    """As a page does that ends where the next one ought to begin."""

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        for number, key in enumerate(list(self.data)):
            if number % 500 != 499 and (record := self.alive(key)):
                yield key, record


class ScanByNumbers(RightStore):
    """As with an OFFSET: what is deleted moves the others, and some are passed over."""

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        start = 0
        while page := list(self.data.items())[start : start + 100]:
            for key, record in page:
                yield key, record
            start += 100


class ScanTellsAgain(RightStore):
    """As Redis's SCAN does when its table is moved."""

    async def scan(self) -> AsyncIterator[tuple[str, Record]]:
        for number, key in enumerate(list(self.data)):
            if record := self.alive(key):
                yield key, record
                if number == 700:
                    yield key, record


class DestroyEverythingLooksOnce(RightStore):
    """Slowly, too: sessions get new ids before and behind it."""

    async def destroy_everything(self) -> int:
        keys = list(self.data)
        for key in keys:
            await self.delete(key)
        return len(keys)


class CloseLosesEverything(RightStore):
    async def close(self) -> None:
        self.data.clear()


class OpensTwiceAtOnce(RightStore):
    opened = False
    openers = 0

    async def create(self, key: str, record: Record) -> bool:
        if not self.opened:
            self.openers += 1
            for _ in range(self.openers):
                await checkpoint()
            self.data.clear()
            self.opened = True
        return await super().create(key, record)


class CancellationKeepsTheLock(RightStore):
    def __init__(self, data: Data) -> None:
        super().__init__(data)
        self.taken = False

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        while self.taken:
            await checkpoint()
        self.taken = True
        replaced = await super().replace(key, record, expected=expected)
        self.taken = False
        return replaced


class CancellationLeavesHalfARecord(RightStore):
    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        current = self.alive(key)
        if current is None or current.version != expected:
            return False
        self.data[key] = with_fields(current, version=record.version)
        await checkpoint()
        self.data[key] = record
        return True
