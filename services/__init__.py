"""Databases that set themselves up: each on a free port of the loopback interface, in a folder of its own.

    with running("redis") as url: ...

`REDIS_URL`, `POSTGRES_URL` and `MARIADB_URL` name a running server to use instead. A service that cannot
start raises `ServiceFailed` with its own output. None outlives the process that started it.

nginx and Apache are here too, as proxies and as shared caches of a server's pages. They are no databases, and
have no URL to open a store by.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from e2e.services.mariadb import MariaDB
from e2e.services.postgres import Postgres
from e2e.services.service import Service, ServiceFailed
from e2e.services.valkey import Valkey

__all__ = ["SERVICES", "MariaDB", "Postgres", "Service", "ServiceFailed", "Valkey", "running"]

SERVICES: dict[str, tuple[str, type[Service]]] = {
    "redis": ("REDIS_URL", Valkey),
    "postgres": ("POSTGRES_URL", Postgres),
    "mariadb": ("MARIADB_URL", MariaDB),
}
"""Of each service the variable that names a running one, and how to start one."""


@contextmanager
def running(name: str) -> Iterator[str]:
    """The URL of a service as long as the block lasts, started for it unless a variable names one."""
    variable, service = SERVICES[name]
    if url := os.environ.get(variable):
        yield url
        return
    with service() as started:
        yield started.url
