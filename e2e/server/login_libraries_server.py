"""The app of `ported.py` as the tests' server."""

import os
import re
import sys
from pathlib import Path

from e2e import ported
from e2e.server import Server


class PortedServer(Server):
    announcement = re.compile(r"Uvicorn running on (http://[0-9.:]+)")
    probe = "/ready"

    def __init__(self, store: str, *, log: Path) -> None:
        """Returns when it answers. Raises ServerFailed with its own output."""
        command = [sys.executable, "-m", "uvicorn", "--factory", "e2e.ported:app", "--port", "0"]
        self._start("ported", command, {**os.environ, ported.STORE: store}, log)
