"""The wire to a database, which can be cut, fall silent, and lose answers or halves of them."""

from __future__ import annotations

import asyncio
import random
from typing import cast
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Passes connections on to the host of a URL, between `up()` and `down()`."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self.target = (self._url.hostname or "127.0.0.1", self._url.port or 0)
        self.port = 0
        self.silent = False
        """Whether it accepts everything and answers nothing, as a database that hangs."""
        self.loss = 0.0
        """The share of the answers instead of which the connection is cut. The database has done by then
        what it was asked."""
        self.lost = 0
        """Answers that got lost so far."""
        self.halves = 0
        """Of so many answers to come only the first half arrives, and then the connection is cut."""
        self.asked = 0
        """How often clients have sent something so far: round trips, where they wait for each answer."""
        self.ends: set[_End] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The same URL with the proxy's port."""
        host = self._url.netloc.rpartition("@")[2].rpartition(":")[0]
        user = self._url.netloc.rpartition("@")[0]
        netloc = f"{user}@{host}:{self.port}" if user else f"{host}:{self.port}"
        return urlunsplit(self._url._replace(netloc=netloc))

    async def up(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Near(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse new connections and cut the ones there are, as when the database's machine restarts."""
        if self._server:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """Cut the connections there are."""
        for end in list(self.ends):
            end.abort()


class _End(asyncio.Protocol):
    """One end of a connection: what arrives here leaves at the other one."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self.waiting: list[bytes] = []
        self.over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.proxy.ends.add(self)
        if self.over:
            self.transport.abort()
        self.transport.writelines(self.waiting)
        self.waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self.other is not None and not self.proxy.silent:
            self.other.pass_on(data)

    def pass_on(self, data: bytes) -> None:
        if self.transport is None:
            self.waiting.append(data)
        elif not self.over:
            self.transport.write(data)

    def abort(self) -> None:
        self.over = True
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over = True
        self.proxy.ends.discard(self)
        if self.other is not None and not self.other.over:
            self.other.over = True
            if self.other.transport is not None:
                self.other.transport.close()


class _Near(_End):
    """The end at the database's client."""

    connecting: asyncio.Task[None]

    def data_received(self, data: bytes) -> None:
        self.proxy.asked += 1
        super().data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other = far = _Far(self.proxy, self)
        self.connecting = asyncio.get_running_loop().create_task(self._connect(far))

    async def _connect(self, far: _Far) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, *self.proxy.target)
        except OSError:
            self.abort()


class _Far(_End):
    """The end at the database."""

    def __init__(self, proxy: Proxy, near: _Near) -> None:
        super().__init__(proxy)
        self.other = near

    def data_received(self, data: bytes) -> None:
        if self.proxy.loss and random.random() < self.proxy.loss:
            self.proxy.lost += 1
            self.abort()
            return
        if self.proxy.halves:
            self.proxy.halves -= 1
            super().data_received(data[: len(data) // 2])
            self.abort()
            return
        super().data_received(data)
