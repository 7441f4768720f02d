"""A target as the tests' server: its own command in a process group."""

import os
import re
import sys
from pathlib import Path

from e2e.server.server import ROOT, Server
from e2e.targets.plan import Target

PYTHON = ROOT / "e2e/targets/python/.venv/bin/python"

QUIET = {
    "CI": "1",
    "DENO_NO_UPDATE_CHECK": "1",
    "DO_NOT_TRACK": "1",
    "NO_COLOR": "1",
    "NO_UPDATE_NOTIFIER": "1",
    "PYTHONUNBUFFERED": "1",
    "WRANGLER_SEND_METRICS": "false",
}
"""Nobody is told of a test, and no newer version is asked for."""


class TargetServer(Server):
    announcement = re.compile(r"(?:listening|Ready) on (http\S+)\n")
    probe = "/lab/gate/ready"  # outside of the sessions, which may be what fails

    def __init__(self, target: Target, store: str, *, key: str, folder: Path, log: Path) -> None:
        """Returns when the target answers. Raises ServerFailed with the target's own output.

        `store` is the URL of what it stores in, for those that are told.
        """
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment = {
            **kept,
            **QUIET,
            "TARGET_KEY": key,
            "TARGET_URL": store,
            "TARGET_FOLDER": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            **{name: value.replace("{root}", str(ROOT)) for name, value in target.environment.items()},
        }
        python = PYTHON if PYTHON.exists() else sys.executable
        filled = {"key": key, "folder": str(folder), "python": str(python)}
        command = [word.format(**filled) for word in target.command]
        self._start(target.name, command, environment, log, target.folder)
