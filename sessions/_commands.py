"""What the command line does to a store, command by command. Each yields its lines, as text and as JSON."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from sessions._hidden import Hidden
from sessions._json import encode
from sessions._lifetime import moment
from sessions._progress import Progress
from sessions._record import Content, InvalidRecord, is_device_bound, split, unpack
from sessions._statistics import Statistics, size_text
from sessions.stores import Store
from sessions.stores.walk import living


class Line(Hidden, msgspec.Struct, frozen=True):
    """One line of a command's answer."""

    text: str
    data: dict[str, Any] | None = None
    """What it says, for `--json`. None if the other lines have said it."""


class NoSuchSession(Exception):
    """There is no session under the key that was given."""


Command = Callable[[Store, argparse.Namespace, Progress], AsyncIterator[Line]]

_is_key: Final = re.compile("[0-9a-f]{64}").fullmatch

_NO_SESSION: Final = "there is no session under this key"


async def count(store: Store, options: argparse.Namespace, _: Progress) -> AsyncIterator[Line]:
    if options.owner is None:
        number = await store.count()
    else:
        number = len(await store.sessions_of(options.owner))
    yield Line(_sessions(number), {"sessions": number})


async def list_(store: Store, options: argparse.Namespace, progress: Progress) -> AsyncIterator[Line]:
    number = progress.done = 0
    if options.owner is None:
        async for key, record in living(store):
            number = progress.done = number + 1
            bound = is_device_bound(record.payload)
            yield _listed(key, record.created_at, record.expires_at, record.owner, bound=bound)
    else:
        for session in await store.sessions_of(options.owner):
            number += 1
            ends = float("inf") if session.expires_at is None else session.expires_at.timestamp()
            begins, bound = session.created_at.timestamp(), session.is_device_bound
            yield _listed(session.key, begins, ends, options.owner, bound=bound)
    yield Line(_sessions(number))


async def show(store: Store, options: argparse.Namespace, _: Progress) -> AsyncIterator[Line]:
    """Names and sizes of the values. The values may be personal, so only who asks for them gets them."""
    key = checked_key(options.key)
    record = await store.load(key)
    if record is None:
        raise NoSuchSession(_NO_SESSION)
    try:
        content = unpack(split(record.payload)[0])
    except InvalidRecord:
        raise NoSuchSession("what is under this key is no session that this version can read") from None
    if content.moved is not None:
        raise NoSuchSession(f"this session has a newer key: {content.moved.key}")
    values = {name: _value(name, content, options.values) for name in content.data}
    facts = {
        "created_at": _iso(moment(record.created_at)),
        "authenticated_at": _iso(_moment(content.authenticated_at)),
        "expires_at": _iso(moment(record.expires_at)),
        "owner": record.owner,
        "device_bound": content.device is not None and content.device.is_bound,
        "version": record.version,
        "bytes": len(record.payload),
    }
    yield Line(key, {"key": key, **facts, "values": values})
    for name, fact in facts.items():
        yield Line(f"{name:<18}{'none' if fact is None else printable(str(fact))}")
    for name, value in values.items():
        flash = ", flash" if value["flash"] else ""
        shown = f"  {printable(json.dumps(value['value'], ensure_ascii=False))}" if options.values else ""
        yield Line(f"  {printable(name)} ({size_text(value['bytes'])}{flash}){shown}")


async def destroy(store: Store, options: argparse.Namespace, _: Progress) -> AsyncIterator[Line]:
    if options.spared is not None and options.owner is None:
        raise ValueError("--except goes with --owner: with --all no session is spared")
    if options.all:
        removed = await store.destroy_everything()
        records = "record" if removed == 1 else "records"
        yield Line(f"all sessions ended, {removed} {records} removed", {"removed": removed})
        return
    if options.key is not None:
        if not await store.destroy(checked_key(options.key)):
            raise NoSuchSession(_NO_SESSION)
        ended = 1
    else:
        spared = options.spared if options.spared is None else checked_key(options.spared)
        ended = await store.destroy_all(options.owner, except_key=spared)
    yield Line(f"{_sessions(ended)} ended", {"ended": ended})


async def purge(store: Store, _: argparse.Namespace, __: Progress) -> AsyncIterator[Line]:
    removed = await store.purge()
    yield Line(f"{_sessions(removed, 'expired ')} removed", {"removed": removed})


async def stats(store: Store, _: argparse.Namespace, progress: Progress) -> AsyncIterator[Line]:
    statistics = Statistics(time.time())
    async for __, record in living(store):
        statistics.add(record)
        progress.done = statistics.sessions
    first, *others = statistics.lines()
    yield Line(first, statistics.data())
    for line in others:
        yield Line(line)


NO_KEY: Final = (
    "a key is 64 hexadecimal digits, as `list` shows them. An id or a cookie is none, and a secret: on a"
    " command line all users of the machine can read it"
)


def checked_key(text: str) -> str:
    """Raises `ValueError` for what is no key, and does not repeat it: an id is a secret."""
    if not _is_key(text):
        raise ValueError(NO_KEY)
    return text


def printable(text: str) -> str:
    """Text of users, without what could steer a terminal."""
    return text if text.isprintable() else json.dumps(text)


def _value(name: str, content: Content, shown: bool) -> dict[str, Any]:
    value = content.data[name]
    facts: dict[str, Any] = {"bytes": len(encode(value)), "flash": name in content.flash}
    return {**facts, "value": value} if shown else facts


def _listed(key: str, created_at: float, expires_at: float, owner: str | None, *, bound: bool) -> Line:
    begins, ends = _iso(moment(created_at)), _iso(moment(expires_at))
    text = f"{key}  {begins or 'unknown':<20}  {ends or 'never':<20}"
    if owner is not None:
        text += f"  {printable(owner)}"
    if bound:
        text += "  bound to a device"
    data = {"key": key, "created_at": begins, "expires_at": ends, "owner": owner, "device_bound": bound}
    return Line(text.rstrip(), data)


def _sessions(number: int, kind: str = "") -> str:
    return f"{number} {kind}{'session' if number == 1 else 'sessions'}"


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


def _iso(time: datetime | None) -> str | None:
    return None if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
