"""Many browsers over a few connections. They wait for nothing but the server, so that it is what is measured.

Each request has the cookie that its browser was last sent. The client is small, as it needs the second
processor: it takes about a third of what uvicorn takes for the same request.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator

_END = b"\r\n\r\nok"
_OK = b"HTTP/1.1 200"
_SET_COOKIE = b"\r\nset-cookie: "
_START = (
    b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    b"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\n"
)
_WAIT = 30.0
"""Seconds without any answer before that is an error."""


class Crowd:
    """Browsers that send their requests in turn, over connections that are kept alive."""

    def __init__(self, address: tuple[str, int], browsers: int, connections: int) -> None:
        self._cookies = [b""] * browsers
        self._turn = 0
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._busy: dict[int, int] = {}
        """Connection → the browser that waits for an answer there."""
        self._parts: dict[int, bytes] = {}
        for _ in range(connections):
            made = socket.create_connection(address)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[made.fileno()] = made
            self._poll.register(made, select.EPOLLIN)

    def close(self) -> None:
        self._poll.close()
        for each in self._sockets.values():
            each.close()

    def first(self, path: str) -> None:
        """The first browser sends a request, and nobody else."""
        self._send_all(path, iter(range(1)))

    def all(self, path: str) -> None:
        """Each browser sends one request."""
        self._send_all(path, iter(range(len(self._cookies))))

    def burst(self, path: str, seconds: float) -> tuple[int, float]:
        """The number of requests that were answered, and the seconds that it took."""
        start = time.perf_counter()
        number = self._send_all(path, self._turns(start + seconds))
        return number, time.perf_counter() - start

    def _turns(self, until: float) -> Iterator[int]:
        while time.perf_counter() < until:
            self._turn = (self._turn + 1) % len(self._cookies)
            yield self._turn

    def _send_all(self, path: str, browsers: Iterator[int]) -> int:
        """Raises `RuntimeError` for an answer that is not 200, and `TimeoutError`."""
        start = _START % path.encode()
        for fd in self._sockets:
            self._send_next(fd, start, browsers)
        answered = 0
        while self._busy:
            events = self._poll.poll(_WAIT)
            if not events:
                raise TimeoutError(f"no answer to {path}")
            for fd, _ in events:
                if self._has_answer(fd):
                    answered += 1
                    self._send_next(fd, start, browsers)
        return answered

    def _send_next(self, fd: int, start: bytes, browsers: Iterator[int]) -> None:
        browser = next(browsers, None)
        if browser is None:
            return
        self._busy[fd] = browser
        self._sockets[fd].sendall(start + self._cookies[browser] + b"\r\n")

    def _has_answer(self, fd: int) -> bool:
        """Whether the answer is complete; then its cookie is kept."""
        data = self._parts.pop(fd, b"") + self._sockets[fd].recv(65536)
        if not data.startswith(_OK):
            raise RuntimeError(f"the server answered {data[:60]!r}")
        if not data.endswith(_END):
            self._parts[fd] = data
            return False
        browser = self._busy.pop(fd)
        at = data.find(_SET_COOKIE)
        if at >= 0:
            at += len(_SET_COOKIE)
            end = min(data.find(b";", at) % len(data), data.find(b"\r", at))
            self._cookies[browser] = b"Cookie: " + data[at:end] + b"\r\n"
        return True
