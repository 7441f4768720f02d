"""The app of `login_libraries_app.py` as the tests' server."""

import os
import re
import sys
from pathlib import Path

from e2e.server import login_libraries_app
from e2e.server.server import Server


class LoginLibrariesServer(Server):
    announcement = re.compile(r"Uvicorn running on (http://[0-9.:]+)")
    probe = "/ready"

    def __init__(self, store: str, *, log: Path) -> None:
        """Returns when it answers. Raises ServerFailed with its own output."""
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            "e2e.server.login_libraries_app:app",
            "--port",
            "0",
        ]
        self._start("login libraries", command, {**os.environ, login_libraries_app.STORE: store}, log)
