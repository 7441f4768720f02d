"""A user's sessions are limited in number: a login beyond the limit ends the one that was logged in first."""

from __future__ import annotations

from sessions._carriers.chain import RecordStore, end
from sessions._record import Record, former_key, moved_to


async def end_oldest(store: RecordStore, owner: str, limit: int) -> None:
    """End as many of this owner's sessions as there are more than the limit.

    Each login calls this once its session is saved. All of them put the sessions in the same order, and
    whoever saved last sees all. So of logins at the same time the newest live on, and never fewer than the
    limit. Raises `WriteConflict` if it cannot be sure that one has ended.
    """
    living = {key: record for key, record in await store.owned_by(owner) if moved_to(record.payload) is None}
    # A session that is getting a new id has two records at this moment. It counts once.
    former = {former_key(record.payload) for record in living.values()} & living.keys()
    order = sorted((key for key in living if key not in former), key=lambda key: _rank(key, living[key]))
    for key in order[: max(0, len(order) - limit)]:
        await end(store, key, living[key], owner=owner)
        before = former_key(living[key].payload)
        if before in former:
            await end(store, before, living[before], owner=owner)


def _rank(key: str, record: Record) -> tuple[float, str]:
    return record.created_at, key  # a login begins the age anew
