"""A wire to a database that a test can cut, and mend, also where the database is not ours to stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Passes connections on to the host of a URL, between `up()` and `down()`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 0)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._deaf = False
        self.port = 0
        self._url = parts

    @property
    def url(self) -> str:
        """The same, with the proxy's port and a password that no message may show."""
        host = self._url.netloc.rpartition("@")[2].rpartition(":")[0]
        user = self._url.netloc.rpartition("@")[0]
        netloc = f"{user}@{host}:{self.port}" if user else f"{host}:{self.port}"
        return urlunsplit(self._url._replace(netloc=netloc))

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse new connections and cut the ones there are, as when the database's machine restarts."""
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def fall_silent(self) -> None:
        """Accept everything and answer nothing more, as a database that hangs."""
        self._deaf = True

    def speak_again(self) -> None:
        self._deaf = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(*self._target)
        for source, sink in ((reader, there), (there_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        self._writers.add(sink)
        try:
            while data := await source.read(65536):
                if not self._deaf:
                    sink.write(data)
                    await sink.drain()
        except OSError:
            pass
        finally:
            self._writers.discard(sink)
            sink.close()
