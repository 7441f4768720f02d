"""What asyncpg raises, and what it means for a store."""

from __future__ import annotations

from typing import Final

import asyncpg

from sessions.errors import StoreUnavailable

_GAVE_WAY: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""A statement that was rolled back, because it was in a deadlock or could not be put in order with others.
Nothing of it was done; it may be tried again."""

_ANOTHER_SERVER: Final = (
    asyncpg.ReadOnlySQLTransactionError,  # another one may have become the primary
    asyncpg.InvalidSQLStatementNameError,  # a pooler has changed the connection behind this one
    asyncpg.DuplicatePreparedStatementError,
)
"""Errors after which a new connection may lead to a better place."""


def is_misuse(fault: Exception) -> bool:
    """Whether the app is at fault, and not the server or the way to it.

    The statements are the store's own, so whatever PostgreSQL itself refuses tells of the server's state: it
    is read-only, full, without the table, shutting down. asyncpg calls a lost connection an error of its
    interface, and a connection that goes in the middle of something leads to nearly any exception:
    `RuntimeError` (uvloop), `AttributeError`, `EOFError`, `InvalidStateError`. What is left are errors about
    arguments: `TypeError`, `ValueError`, and asyncpg's `DataError` if asyncpg itself has raised it.
    """
    return isinstance(fault, TypeError | ValueError) or _is_about_an_argument(fault)


def _is_about_an_argument(fault: Exception) -> bool:
    """What the server says has a severity."""
    return type(fault) is asyncpg.DataError and fault.severity is None


def gave_way(fault: Exception) -> bool:
    return isinstance(fault, _GAVE_WAY)


def is_connection_in_doubt(fault: Exception) -> bool:
    """Whether nothing more shall be sent over the connection: it may be in the middle of something."""
    if isinstance(fault, asyncpg.PostgresError):
        return isinstance(fault, _ANOTHER_SERVER)
    return not is_misuse(fault)


def unavailable(fault: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"PostgreSQL: {_told(fault)}")


def misused(fault: Exception) -> Exception:
    """The error without what it says about a value or a password."""
    if isinstance(fault, asyncpg.InterfaceError | asyncpg.DataError):
        return ValueError(f"PostgreSQL: {type(fault).__name__}")
    return fault


def _told(fault: Exception) -> str:
    """Without the detail that PostgreSQL adds, and without what is said about a value (SQLSTATE class 22 and
    23): they may quote values."""
    text = fault.args[0] if fault.args else ""
    if str(getattr(fault, "sqlstate", "")).startswith(("22", "23")):
        text = ""
    return f"{type(fault).__name__}: {text}".removesuffix(": ")
