"""granian. Its workers bind for themselves, so it takes over no socket. With TLS it offers HTTP/2."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any, Final

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from reference_server.servers.site import GRACE, Site, url_of
from reference_server.servers.sockets import held
from reference_server.servers.worker import announce, is_complete


def serve(site: Site, _: str) -> None:
    roll = site.call_the_roll()
    with held(site.listening) as address:
        server = Server(
            "reference_server.servers.worker:create",
            factory=True,
            address=address[0],
            port=address[1],
            interface=Interfaces.ASGI,
            workers=site.workers,
            workers_kill_timeout=GRACE,
            url_path_prefix=site.root_path or None,
            ssl_cert=site.certificate,
            ssl_key=site.key,
            log_level=LogLevels.warning,
            log_dictconfig=LOG,
        )
        url = url_of(address, https=site.certificate is not None)
        watcher = threading.Thread(
            target=announce_when_up, args=[roll, site.workers, address, url], daemon=True
        )
        server.on_startup(watcher.start)
        server.serve()


LOG: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s: %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}
    },
    "loggers": {"_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}


def announce_when_up(roll: Path, workers: int, address: Any, url: str) -> None:
    """A worker listens some time after its app has started and tells nobody; so ask until somebody answers.

    The question is bound to a port of its own first. Otherwise the kernel may pick the very port that is
    asked, and a TCP socket that connects to itself answers itself.
    """
    while True:
        try:
            if is_complete(roll, workers):
                socket.create_connection(address[:2], timeout=1, source_address=(address[0], 0)).close()
                announce(url)
                return
        except OSError:
            pass
        time.sleep(0.02)
