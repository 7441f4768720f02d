"""One process that serves the app: `python -m torture.worker INDEX SOCKET DIALS`.

INDEX counts the workers, SOCKET is the number of a listening socket that it inherits, DIALS a file. The
store's URL is in the variable `TORTURE_STORE`, because a list of processes would show a password. The worker
ends with whoever holds the other end of its standard input.
"""

from __future__ import annotations

import os
import random
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TypeVar

import uvicorn

from sessions import Record, Store, StoreUnavailable, open_store
from torture.app import create_app
from torture.dials import Dials

T = TypeVar("T")


class LossyStore(Store):
    """A store without a wire: what happens on a wire to others happens here. The store does what it is
    told, and then its answer is lost."""

    def __init__(self, store: Store, dials: Dials) -> None:
        self._store = store
        self._dials = dials

    async def create(self, key: str, record: Record) -> bool:
        return self._answer(await self._store.create(key, record))

    async def load(self, key: str) -> Record | None:
        return await self._store.load(key)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        return self._answer(await self._store.replace(key, record, expected=expected))

    async def delete(self, key: str) -> None:
        await self._store.delete(key)
        self._answer(None)

    async def purge(self) -> int:
        return await self._store.purge()

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        return await self._store.owned_by(owner)

    async def close(self) -> None:
        await self._store.close()

    def _answer(self, answer: T) -> T:
        share = self._dials.loss
        if share and random.random() < share:
            raise StoreUnavailable("the store's answer was lost")
        return answer


def main(index: int, descriptor: int, dials: Dials) -> None:
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    honest = time.time
    time.time = lambda: honest() + dials.clock(index)
    url = os.environ["TORTURE_STORE"]
    store = open_store(url)
    assert isinstance(store, Store)
    if url.partition(":")[0] in ("memory", "sqlite"):
        store = LossyStore(store, dials)
    config = uvicorn.Config(
        create_app(store), loop="uvloop", http="httptools", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run([socket.socket(fileno=descriptor)])


def _end_with_the_run() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Dials(Path(sys.argv[3])))
