"""What SQLAlchemy and its drivers raise, and what it means for a store."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import exc

from sessions.errors import StoreUnavailable

# SQLSTATE, or the numbers of MariaDB and MySQL.

_GAVE_WAY: Final = frozenset({1020, 1213, "40001", "40P01"})
"""A transaction that was rolled back, because it was in a deadlock or could not be put in order with others.
Nothing of it was done; it may be tried again."""

_NO_TABLE: Final = frozenset({1146, "42P01"})

_ANOTHER_SERVER: Final = frozenset({"25006", "26000", "42P05"})
"""Errors after which a new connection may lead to a better place: to a server that is not read-only, or past
a pooler that has changed the connection behind this one."""

_CLIENT_ERRORS: Final = range(2000, 3000)
"""Numbers of errors that MariaDB's and MySQL's clients find themselves, such as a connection that is lost."""

_MISUSE: Final = (
    exc.ArgumentError,
    exc.CompileError,
    exc.NoSuchModuleError,
    exc.MissingGreenlet,
    TypeError,
    ValueError,
    OverflowError,
)


class KeyTaken(StoreUnavailable):
    """A statement that a constraint of the table refused: the key is there already."""


def is_misuse(fault: Exception) -> bool:
    """Whether the app is at fault, and not the database or the way to it.

    The statements are the store's own, so whatever the database refuses tells of its state: it is full,
    read-only, without the table, shutting down. A driver that loses its connection in the middle of something
    raises nearly any exception: `RuntimeError` (uvloop), `AttributeError`, `IncompleteReadError`,
    `InvalidStateError`. What is left are SQLAlchemy's errors about the engine or the table that the app has
    made, and errors about arguments.
    """
    if isinstance(fault, exc.DBAPIError):
        return False
    return isinstance(fault, _MISUSE) or type(fault) is exc.StatementError or _is_asyncpgs_own(fault)


def _is_asyncpgs_own(fault: Exception) -> bool:
    """Whether it is asyncpg's error about an argument. What the server says of a value has a severity."""
    return getattr(fault, "sqlstate", None) == "22000" and getattr(fault, "severity", "") is None


def misused(fault: Exception) -> Exception:
    """The error without what it says about a value."""
    if isinstance(fault, exc.StatementError) or type(fault).__module__.startswith("asyncpg"):
        return ValueError(f"the database: {type(fault).__name__}")
    return fault


def gave_way(fault: Exception) -> bool:
    return not _GAVE_WAY.isdisjoint(_codes(fault))


def has_no_table(fault: Exception) -> bool:
    return not _NO_TABLE.isdisjoint(_codes(fault)) or "no such table" in str(_cause(fault))


def is_connection_in_doubt(fault: Exception) -> bool:
    """Whether nothing more shall be sent over the connection: it is lost, or in the middle of something."""
    if isinstance(fault, exc.DBAPIError):
        return fault.connection_invalidated
    codes = _codes(fault)
    if any(isinstance(code, str) and not code.startswith("08") for code in codes):
        return not _ANOTHER_SERVER.isdisjoint(codes)
    return not is_misuse(fault)


def unavailable(fault: Exception) -> StoreUnavailable:
    kind = KeyTaken if _breaks_a_constraint(fault) else StoreUnavailable
    return kind(f"the database: {_told(fault)}")


def _breaks_a_constraint(fault: Exception) -> bool:
    return isinstance(fault, exc.IntegrityError) or str(getattr(fault, "sqlstate", "")).startswith("23")


def _told(fault: Exception) -> str:
    """What the driver says about a connection. What a database says about a value may quote it, so of that
    only the kind of the error is passed on, and its number."""
    cause = _cause(fault)
    # PostgreSQL quotes values in the lines after the first one, asyncpg in what it says of an argument.
    text = str(cause).partition("\n")[0]
    number = cause.args[0] if cause.args else None
    if isinstance(number, int) and number not in _CLIENT_ERRORS and not isinstance(cause, OSError):
        text = str(number)
    elif _is_about_a_value(fault) or "query argument" in text:
        text = ""
    return f"{type(cause).__name__}: {text}".removesuffix(": ")


def _is_about_a_value(fault: Exception) -> bool:
    state = str(getattr(_cause(fault), "sqlstate", ""))
    return isinstance(fault, exc.DataError | exc.IntegrityError) or state.startswith(("22", "23"))


def _cause(fault: Exception) -> BaseException:
    """The driver's own error."""
    return fault.orig if isinstance(fault, exc.DBAPIError) and fault.orig else fault


def _codes(fault: Exception) -> set[int | str]:
    cause: Any = _cause(fault)
    state = getattr(cause, "sqlstate", None)
    number = cause.args[0] if cause.args and isinstance(fault, exc.DBAPIError) else None
    return {code for code in (state, number) if isinstance(code, str if code is state else int)}
