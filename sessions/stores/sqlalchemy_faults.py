"""What SQLAlchemy and its drivers raise, and what it means for a store."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import exc

from sessions.errors import StoreUnavailable

_GAVE_WAY: Final = frozenset({1020, 1213, "40001", "40P01"})
"""MariaDB's and MySQL's numbers and the standard's codes for a transaction that was rolled back, because it
was in a deadlock or could not be put in order with others. Nothing of it was done; it may be tried again."""

_MISSING_TABLE: Final = frozenset({1146, "42P01"})

_CLIENT_ERRORS: Final = range(2000, 3000)
"""Numbers of errors that MariaDB's and MySQL's clients find themselves, such as a connection that is lost."""

_MISUSE: Final = (exc.ArgumentError, exc.CompileError, exc.NoSuchModuleError, exc.MissingGreenlet)
"""SQLAlchemy's errors about the engine or the table that the app has made."""


class KeyTaken(StoreUnavailable):
    """A statement that a constraint of the table refused: the key is there already."""


def is_misuse(fault: Exception) -> bool:
    """Whether the app is at fault, and not the database or the way to it.

    The statements are the store's own, so any other error tells of the database's state: it is away, full,
    read-only, without the table. A driver that loses its connection in the middle of something raises nearly
    anything: `RuntimeError` (uvloop), `AttributeError`, `IncompleteReadError`, `InvalidStateError`.
    """
    if isinstance(fault, exc.DBAPIError):
        return False
    return isinstance(fault, (*_MISUSE, TypeError, ValueError)) or type(fault) is exc.StatementError


def gave_way(fault: Exception) -> bool:
    return not _GAVE_WAY.isdisjoint(_codes(fault))


def misses_table(fault: Exception) -> bool:
    return not _MISSING_TABLE.isdisjoint(_codes(fault)) or "no such table" in str(getattr(fault, "orig", ""))


def is_lost(fault: Exception) -> bool:
    """Whether SQLAlchemy has noticed that the connection is lost."""
    return isinstance(fault, exc.DBAPIError) and fault.connection_invalidated


def unavailable(fault: Exception) -> StoreUnavailable:
    kind = KeyTaken if isinstance(fault, exc.IntegrityError) else StoreUnavailable
    return kind(f"the database: {told(fault)}")


def told(fault: Exception) -> str:
    """What the driver says about a connection. What a database says about a value may quote it, so of that
    only the kind of the error is passed on, and its number."""
    cause = fault.orig if isinstance(fault, exc.DBAPIError) and fault.orig else fault
    # PostgreSQL quotes values in the lines after the first one, asyncpg in what it says of an argument.
    text = str(cause).partition("\n")[0]
    number = cause.args[0] if cause.args else None
    if isinstance(number, int) and number not in _CLIENT_ERRORS and not isinstance(cause, OSError):
        text = str(number)
    elif isinstance(fault, exc.DataError | exc.IntegrityError) or "query argument" in text:
        text = ""
    return f"{type(cause).__name__}: {text}".removesuffix(": ")


def _codes(fault: Exception) -> set[int | str]:
    cause = getattr(fault, "orig", None)
    arguments: tuple[Any, ...] = getattr(cause, "args", ())
    found = (getattr(cause, "sqlstate", None), arguments[0] if arguments else None)
    return {code for code in found if isinstance(code, int | str)}
