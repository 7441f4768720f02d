"""An http client that does no more than it must, because it shares its processor with what it tests."""

from __future__ import annotations

import asyncio
import random
from typing import Final, cast

import msgspec

PATIENCE: Final = 10.0
"""Seconds until a browser gives a request up."""


class Answer(msgspec.Struct):
    status: int
    body: bytes
    set_cookie: str | None
    """The new value of the session's cookie; empty if it is removed; None if it stays."""


class Client:
    """Sends each request to one of the ports at random, as a load balancer does."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._idle: dict[int, list[_Connection]] = {port: [] for port in ports}

    async def get(
        self, target: str, cookie: str | None, *, leaves_after: float | None = None, port: int = 0
    ) -> Answer | None:
        """None: no answer came, so the request may have been served or not.

        `leaves_after`: seconds after which the browser closes the connection.
        """
        port = port or random.choice(self._ports)
        connection = await self._connection(port)
        if connection is None:
            return None
        answer = await connection.send(target, cookie, PATIENCE if leaves_after is None else leaves_after)
        if connection.open:
            self._idle[port].append(connection)
        return answer

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
            connections.clear()

    async def _connection(self, port: int) -> _Connection | None:
        idle = self._idle[port]
        while idle:
            connection = idle.pop()
            if connection.open:
                return connection
        try:
            _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", port)
        except OSError:
            return None
        return connection


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self.open = False
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._answer: asyncio.Future[Answer | None] | None = None

    async def send(self, target: str, cookie: str | None, patience: float) -> Answer | None:
        self._answer = self._loop.create_future()
        line = f"Cookie: session={cookie}\r\n" if cookie else ""
        self.transport.write(f"GET {target} HTTP/1.1\r\nHost: torture\r\n{line}\r\n".encode())
        leave = self._loop.call_later(patience, self.close)
        try:
            return await self._answer
        finally:
            leave.cancel()

    def close(self) -> None:
        self.transport.abort()
        self._end(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.open = cast(asyncio.Transport, transport), True

    def data_received(self, data: bytes) -> None:
        data = self._received + data
        head, found, body = data.partition(b"\r\n\r\n")
        length = int(_field(head, b"content-length") or b"0")
        if not found or len(body) < length:
            self._received = data
            return
        self._received = b""
        if _field(head, b"connection") == b"close":
            self.open = False
            self.transport.abort()
        self._end(Answer(int(head[9:12]), body, _cookie(_field(head, b"set-cookie"))))

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self._end(None)

    def _end(self, answer: Answer | None) -> None:
        if answer is None:
            self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)


def _field(head: bytes, name: bytes) -> bytes | None:
    """The value of a field whose name uvicorn writes in small letters."""
    _, found, rest = head.partition(b"\r\n" + name + b": ")
    return rest.partition(b"\r\n")[0] if found else None


def _cookie(line: bytes | None) -> str | None:
    if line is None:
        return None
    if b"max-age=0" in line.lower():
        return ""
    return line.partition(b";")[0].partition(b"=")[2].decode()
