"""The listening socket: our own on a free port, or one that the parent process handed down."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

BACKLOG: Final = 1024


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `OSError` when the address is in use or not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(BACKLOG)  # of two sockets on one port only the second listen() tells
    except OSError:
        bound.close()
        raise
    return bound


def inherit(descriptor: int) -> socket.socket:
    """The listening socket that the parent process handed down. Raises `OSError` when it is none."""
    inherited = socket.socket(fileno=descriptor)
    if not inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        inherited.detach()
        raise OSError("it is not a listening socket")
    return inherited


@contextmanager
def held(listening: socket.socket) -> Iterator[Any]:
    """The address, for a server that insists on binding it itself.

    Meanwhile it stays bound, but not listening, so that nobody else gets the port.
    """
    address = listening.getsockname()
    listening.close()
    with socket.socket(listening.family, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(address)
        yield address
