"""The pools that `PostgresStore` makes by itself."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg

if TYPE_CHECKING:
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]

TIMEOUT: Final = 5.0
"""Seconds to open a connection."""

MAX_CONNECTIONS: Final = 10
"""For each process; PostgreSQL allows 100 in all by default."""

URL: Final = "a PostgreSQL store's URL is postgresql://user:password@host:port/database"

_PROBE: Final = "SELECT pg_backend_pid(), EXISTS (SELECT FROM pg_prepared_statements WHERE name = $1)"


class OwnPool:
    """One of asyncpg's pools with its connections, in one event loop."""

    def __init__(self, url: str) -> None:
        self._prepares: bool | None = None
        self._is_open = False
        self._pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=MAX_CONNECTIONS,
            timeout=TIMEOUT,
            max_cached_statement_lifetime=0,
            connect=self._connect,
            reset=_leave_as_it_is,
        )

    async def opened(self) -> Pool:
        if not self._is_open:
            await self._pool  # without a connection; so nobody else gets here meanwhile
            self._is_open = True
        return self._pool

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self._pool.close(), TIMEOUT)
        except Exception:
            self._pool.terminate()

    async def _connect(self, *arguments: Any, **options: Any) -> Any:
        """asyncpg leaves errors behind when it is interrupted in the middle of opening a connection. So
        whoever is cancelled here leaves the connection to be closed."""
        opening = asyncio.create_task(self._open_connection(*arguments, **options))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_discard)
            raise
        except ValueError:  # about the URL; the message may quote a part of the password
            raise ValueError(URL) from None

    async def _open_connection(self, *arguments: Any, **options: Any) -> Any:
        async with asyncio.timeout(TIMEOUT):
            if self._prepares is False:
                return await asyncpg.connect(*arguments, **options, statement_cache_size=0)
            connection = await asyncpg.connect(*arguments, **options)
            try:
                self._prepares = await _prepares(connection)
            except BaseException:
                connection.terminate()
                raise
            if self._prepares:
                return connection
            await connection.close()
            return await asyncpg.connect(*arguments, **options, statement_cache_size=0)


async def _prepares(connection: Any) -> bool:
    """Whether a statement that was prepared on this connection can be executed on it later.

    Not so behind a pooler that gives each transaction another connection to the server, unless it keeps
    account of prepared statements, as PgBouncer does from 1.21 on (`max_prepared_statements`). At the server
    such a pooler gives them names of its own. Any pooler shows in the number of the server's process, of
    which it tells its clients another one.
    """
    name = f"sessions_{secrets.token_hex(8)}"
    try:
        async with connection.transaction():  # in which each pooler stays with one connection
            statement = await connection.prepare(_PROBE, name=name)
            process, is_named_so = await statement.fetchrow(name)
            if process == connection.get_server_pid() or not is_named_so:
                return True
            await connection.execute(f"DEALLOCATE {name}")
            return False
    except asyncpg.PostgresError:
        if connection.is_closed():
            raise
        return False  # what is like PostgreSQL, and has no such function or view


async def _leave_as_it_is(_: Any) -> None:
    """Our statements change nothing about a connection, so there is nothing to reset after each."""


def _discard(opening: asyncio.Task[Any]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().terminate()
