"""A small app of the suite's own as a server: uvicorn in a process, on a free port."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from e2e.server.server import Server


class UvicornApp(Server):
    announcement = re.compile(r"Uvicorn running on (http://[0-9.:]+)")

    def __init__(
        self, name: str, factory: str, environment: Mapping[str, str], *, probe: str, log: Path
    ) -> None:
        """`factory` is a function that makes the app, such as `e2e.server.moved_in_app:old`.

        Returns when it answers at `probe`. Raises ServerFailed with its own output.
        """
        self.probe = probe
        command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", "0"]
        self._start(name, command, {**os.environ, **environment}, log)
