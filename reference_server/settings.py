"""What one demo process is told. It travels in the environment, because server workers are processes of
their own that import the app by name."""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger("reference_server")

STORE = "REFERENCE_SERVER_STORE"
SERVER = "REFERENCE_SERVER_SERVER"
KEY = "REFERENCE_SERVER_KEY"
GATES = "REFERENCE_SERVER_GATES"
ROOT_PATH = "REFERENCE_SERVER_ROOT_PATH"
PACE = "REFERENCE_SERVER_PACE"

# Only between the main process and its workers.
SCRATCH = "REFERENCE_SERVER_SCRATCH"
ROLL = "REFERENCE_SERVER_ROLL"
WORKERS = "REFERENCE_SERVER_WORKERS"
URL = "REFERENCE_SERVER_URL"

KEY_LENGTH = 32
"""Characters; the shortest key that `sessions` accepts (SEAL-5)."""


@dataclass(frozen=True)
class Settings:
    """`store` is a store URL, `server` only a name to show, `gates` a folder that all workers share.

    `root_path` is set where the server does not tell it to the app. `pace` is for slow browsers: see
    `profiles_of`.
    """

    store: str
    server: str
    key: str
    gates: Path
    root_path: str = ""
    pace: float = 1

    @classmethod
    def from_environment(cls) -> Settings:
        """Fills what is missing and writes it back, so that workers started from here agree on it.

        Raises `ValueError` for a key that is too short.
        """
        key = os.environ.get(KEY, "")
        if not key:
            logger.warning("%s is not set: sealed cookies open only until this process ends", KEY)
            key = os.environ[KEY] = secrets.token_urlsafe(48)
        elif len(key) < KEY_LENGTH:
            raise ValueError(f"{KEY} must have at least {KEY_LENGTH} characters")
        gates = os.environ.get(GATES, "")
        if not gates:
            gates = os.environ[GATES] = tempfile.mkdtemp(prefix="reference-server-")
        return cls(
            store=os.environ.get(STORE, "memory:"),
            server=os.environ.get(SERVER, "unknown"),
            key=key,
            gates=Path(gates),
            root_path=os.environ.get(ROOT_PATH, ""),
            pace=float(os.environ.get(PACE, "1")),
        )
