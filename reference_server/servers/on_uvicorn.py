"""uvicorn, with uvloop and httptools or with asyncio and h11."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from reference_server import settings
from reference_server.app import create_app
from reference_server.servers.site import GRACE, CannotServe, Site
from reference_server.servers.worker import announce


def serve(site: Site, http: str) -> None:
    # uvicorn puts its own root path in front of what the browser asked for, as only a proxy that strips
    # the prefix could want it. So the app itself says where it is mounted.
    os.environ[settings.ROOT_PATH] = site.root_path
    options: dict[str, Any] = {
        "loop": "uvloop" if http == "httptools" else "asyncio",
        "http": http,
        "lifespan": "on",
        "log_level": "warning",
        "access_log": False,
        "timeout_graceful_shutdown": GRACE,
        "ssl_certfile": site.certificate,
        "ssl_keyfile": site.key,
    }
    if site.workers == 1:
        serve_alone(site, uvicorn.Config(create_app(), **options))
    else:
        app = "reference_server.servers.worker:create"
        serve_with_workers(site, uvicorn.Config(app, factory=True, workers=site.workers, **options))


def serve_alone(site: Site, config: uvicorn.Config) -> None:
    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                announce(site.url)

    server = Server(config)

    def end(*_: object) -> None:
        # After a clean shutdown uvicorn raises the signal again, to die of it; but who was told to end and
        # did has ended well.
        if not server.should_exit:
            sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    server.run([site.listening])


def serve_with_workers(site: Site, config: uvicorn.Config) -> None:
    site.announced_by_workers()
    supervisor = Multiprocess(config, [site.listening])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise CannotServe("a worker did not start")
