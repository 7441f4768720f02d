"""One function a server: serve the app until a signal, say once where it listens, end cleanly."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

GRACE: Final = 3
"""Seconds that requests in flight are given when the server is told to end."""
BACKLOG: Final = 1024

Serve = Callable[[socket.socket], None]


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet. Raises `OSError` when the address is in use or not ours."""
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


def announce(address: Any) -> None:
    host, port = address[:2]
    print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201


def serve_with_uvicorn(listening: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415

    from reference_server.app import create_app  # noqa: PLC0415

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                announce(listening.getsockname())

    config = uvicorn.Config(
        create_app(),
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = Server(config)

    def end(*_: object) -> None:
        # After a clean shutdown uvicorn raises the signal again, to die of it; but who was told to end and
        # did has ended well.
        if not server.should_exit:
            sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    server.run([listening])


def serve_with_hypercorn(listening: socket.socket) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415

    from reference_server.app import create_app  # noqa: PLC0415

    app: Any = create_app()
    address = listening.getsockname()
    config = Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.errorlog = logging.getLogger("hypercorn.error")  # its own would say everything twice
    config.graceful_timeout = GRACE

    async def until_told() -> None:
        # Hypercorn waits for its trigger once it accepts connections, so this is the moment to say so.
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        announce(address)
        await told.wait()

    asyncio.run(serve(app, config, shutdown_trigger=until_told))


def serve_with_granian(listening: socket.socket) -> None:
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415
    from granian.server import Server  # noqa: PLC0415

    address = listening.getsockname()
    # Its workers bind for themselves. Holding the port bound, but not listening, keeps others off meanwhile.
    listening.close()
    held = socket.socket(listening.family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(address)

    server = Server(
        "reference_server.servers:granian_app",
        factory=True,
        address=address[0],
        port=address[1],
        interface=Interfaces.ASGI,
        workers=1,
        workers_kill_timeout=GRACE,
        log_level=LogLevels.warning,
        log_dictconfig=GRANIAN_LOG,
    )
    server.on_startup(lambda: threading.Thread(target=announce_when_up, args=[address], daemon=True).start())
    with closing(held):
        server.serve()


GRANIAN_LOG: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s: %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}
    },
    "loggers": {"_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}


def announce_when_up(address: Any) -> None:
    """The worker listens some time after it was started and tells nobody; so ask until somebody answers.

    The question is bound to a port of its own first. Otherwise the kernel may pick the very port that is
    asked, and a TCP socket that connects to itself answers itself.
    """
    while True:
        try:
            socket.create_connection(address[:2], timeout=1, source_address=(address[0], 0)).close()
        except OSError:
            time.sleep(0.02)
        else:
            announce(address)
            return


def granian_app() -> ASGIApp:
    """The app for a granian worker, which ends when its parent was killed and cannot tell it to."""
    from reference_server.app import create_app  # noqa: PLC0415

    app, parent = create_app(), os.getppid()

    @asynccontextmanager
    async def watching() -> AsyncIterator[None]:
        async def watch() -> None:
            while os.getppid() == parent:  # noqa: ASYNC110 (nobody signals the death of a parent)
                await asyncio.sleep(0.5)
            os.kill(os.getpid(), signal.SIGTERM)

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        async with watching():
            await app(scope, receive, send)

    return watched


SERVERS: Final[dict[str, Serve]] = {
    "uvicorn": serve_with_uvicorn,
    "hypercorn": serve_with_hypercorn,
    "granian": serve_with_granian,
}
BINDS_ITSELF: Final = frozenset({"granian"})
"""Servers that cannot take over a socket from their parent."""
