"""Two ways to send a statement: through SQLAlchemy, and with asyncpg past it.

What SQLAlchemy does around a statement takes longer than the statement. asyncpg needs nothing of it: the
compiled text stays prepared, and outside of a transaction one statement is one round trip.

Both run in a greenlet, and raise what SQLAlchemy or the driver raises.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from sqlalchemy import Engine
from sqlalchemy.util import await_only

from sessions._hidden import Hidden
from sessions.stores.sqlalchemy._faults import is_connection_in_doubt

Values = dict[str, Any]


class Way(Protocol):
    def read(self, engine: Engine, statement: Any, values: Values) -> Any:
        """The rows."""
        ...

    def write(self, engine: Engine, statement: Any, values: Values) -> int:
        """How many rows it wrote."""
        ...


class ThroughSQLAlchemy:
    def __init__(self, *, in_transactions: bool) -> None:
        self._in_transactions = in_transactions

    def read(self, engine: Engine, statement: Any, values: Values) -> Any:
        with self._begin(engine) as connection:
            return connection.execute(statement, values).all()

    def write(self, engine: Engine, statement: Any, values: Values) -> int:
        with self._begin(engine) as connection:
            written: int = connection.execute(statement, values).rowcount
            return written

    def _begin(self, engine: Engine) -> Any:
        # One statement outside of a transaction is one round trip; with one around it there are three.
        return engine.begin() if self._in_transactions else engine.connect()


class _Compiled(Hidden, msgspec.Struct, frozen=True):
    text: str
    names: tuple[str, ...]
    """Of the parameters, in their order."""


class OnAsyncpg:
    """On connections of SQLAlchemy's pool. Not for a list of values, which SQLAlchemy puts into the text."""

    def __init__(self) -> None:
        self._compiled: dict[Any, _Compiled] = {}

    def read(self, engine: Engine, statement: Any, values: Values) -> Any:
        return self._ask(engine, "fetch", statement, values)

    def write(self, engine: Engine, statement: Any, values: Values) -> int:
        status: str = self._ask(engine, "execute", statement, values)
        return int(status.rpartition(" ")[2])  # of `INSERT 0 1`

    def _ask(self, engine: Engine, method: str, statement: Any, values: Values) -> Any:
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = _compile(engine, statement, values)
        borrowed, connection = _borrow(engine)
        try:
            ask = getattr(connection, method)
            return await_only(ask(compiled.text, *[values[name] for name in compiled.names]))
        except BaseException as fault:
            if not isinstance(fault, Exception) or is_connection_in_doubt(fault):
                connection.terminate()  # SQLAlchemy would wait for an orderly end
                borrowed.invalidate()
            raise
        finally:
            borrowed.close()


def _compile(engine: Engine, statement: Any, values: Values) -> _Compiled:
    compiled = statement.compile(dialect=engine.dialect, column_keys=list(values))
    return _Compiled(str(compiled), tuple(compiled.positiontup))


def _borrow(engine: Engine) -> tuple[Any, Any]:
    """A connection of the pool, and the driver's own."""
    while True:
        borrowed = engine.raw_connection()
        connection: Any = borrowed.driver_connection
        if not connection.is_closed():  # asyncpg notices when the server closes one
            return borrowed, connection
        borrowed.invalidate()
