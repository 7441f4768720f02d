"""What the pages do after the start of the response."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio

from sessions import Session


class Tasks:
    """Where tasks say that they are done."""

    done: anyio.Event


async def stream(session: Session) -> AsyncIterator[bytes]:
    yield b"1"
    session["stream"] = 1
    await session.save()
    yield b"2"


async def late(session: Session) -> AsyncIterator[bytes]:
    yield b"1"
    session["late"] = 1
    yield b"2"


async def task(session: Session) -> None:
    session["task"] = 1
    await session.save()
    Tasks.done.set()
