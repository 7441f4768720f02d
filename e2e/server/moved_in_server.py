"""The app of `moved_in_app.py` as the tests' server, before the move or after it."""

import os
import re
import sys
from pathlib import Path
from typing import Literal

from e2e.server import moved_in_app
from e2e.server.server import Server


class MovedServer(Server):
    announcement = re.compile(r"Uvicorn running on (http://[0-9.:]+)")
    probe = "/ready"

    def __init__(self, when: Literal["old", "new"], cookie: str, store: str, *, log: Path) -> None:
        """Returns when it answers. Raises ServerFailed with its own output."""
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            f"e2e.server.moved_in_app:{when}",
            "--port",
            "0",
        ]
        environment = {**os.environ, moved_in_app.COOKIE: cookie, moved_in_app.STORE: store}
        self._start(f"moved-{when}", command, environment, log)
