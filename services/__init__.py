"""Databases that set themselves up: each on a free port of the loopback interface, in a folder of its own.

    with running("redis") as url: ...

`REDIS_URL`, `POSTGRES_URL` and `MARIADB_URL` name a running server to use instead. A service that cannot
start raises `ServiceFailed` with its own output. None outlives the process that started it.

Whatever starts databases uses them: `tests/`, the browser tests, `make torture` and `make demo`. They need
none of the other folders.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from string import Formatter

from services.mariadb import MariaDB
from services.postgres import Postgres
from services.service import Service, ServiceFailed
from services.valkey import Valkey

__all__ = ["SERVICES", "MariaDB", "Postgres", "Service", "ServiceFailed", "Valkey", "needed_by", "running"]

SERVICES: dict[str, tuple[str, type[Service]]] = {
    "redis": ("REDIS_URL", Valkey),
    "postgres": ("POSTGRES_URL", Postgres),
    "mariadb": ("MARIADB_URL", MariaDB),
}
"""Of each service the variable that names a running one, and how to start one."""


def needed_by(store_url: str) -> set[str]:
    """The services that a store's URL names in braces, as in matrix.yml."""
    return {field for _, field, _, _ in Formatter().parse(store_url) if field in SERVICES}


@contextmanager
def running(name: str) -> Iterator[str]:
    """The URL of a service as long as the block lasts, started for it unless a variable names one."""
    variable, service = SERVICES[name]
    if url := os.environ.get(variable):
        yield url
        return
    with service() as started:
        yield started.url
