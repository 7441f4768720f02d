"""What every server is told: where to listen, with how many workers, under which prefix, with what TLS."""

from __future__ import annotations

import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reference_server import settings

GRACE: Final = 1
"""Seconds that requests in flight are given when the server is told to end. Browsers keep connections open,
and some servers wait for these too, so it is what ending takes at most."""


class CannotServe(Exception):
    """The server did not start."""


@dataclass(frozen=True)
class Site:
    """`root_path` is "" or a prefix like "/shop", under which browsers reach the app.

    The prefix is part of the path that arrives here, as behind a proxy that passes paths on whole. ASGI
    says that `path` then begins with `root_path`, and all servers but uvicorn take their own option so.
    Cookies keep `Path=/`, which is right under every prefix, and which `__Host-` demands.
    """

    listening: socket.socket
    inherited: bool = False
    workers: int = 1
    root_path: str = ""
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        return url_of(self.listening.getsockname(), https=self.certificate is not None)

    def call_the_roll(self) -> Path:
        """A new folder in which the workers note that they are up."""
        folder = tempfile.mkdtemp(prefix="roll-", dir=os.environ[settings.SCRATCH])
        os.environ[settings.ROLL], os.environ[settings.WORKERS] = folder, str(self.workers)
        return Path(folder)

    def announced_by_workers(self) -> Path:
        """For servers that fork: a parent with a thread of ours that watches and announces should not."""
        os.environ[settings.URL] = self.url
        return self.call_the_roll()


def url_of(address: Any, *, https: bool) -> str:
    host, port = address[:2]
    return f"{'https' if https else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
