"""What this machine has of the browsers and stores that matrix.yml calls optional."""

import os

from e2e.browser import install
from services import MariaDB


def missing_here(axis: str, name: str) -> str | None:
    """Why this machine has no such browser or store."""
    if axis == "browser":
        try:
            install.find(name)
        except install.BrowserMissing as problem:
            return str(problem)
    if name == "mariadb" and not os.environ.get("MARIADB_URL") and not MariaDB.is_installed():
        return "no mariadbd is installed, and MARIADB_URL is not set"
    return None
