"""The table of `SQLAlchemyStore` and the statements on it."""

from __future__ import annotations

from math import inf
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Double,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import mysql

from sessions._record import Record

_MARIADB: Final = ("mysql", "mariadb")


def sessions_table(metadata: MetaData, name: str = "sessions") -> Table:
    """The table, for an app whose migrations make it: put it into the metadata that Alembic looks at.

    `name` may be `schema.name`. Give the table to the store: `SQLAlchemyStore(engine, table=table)`.
    """
    schema, _, name = name.rpartition(".")
    table = Table(
        name,
        metadata,
        # MariaDB and MySQL compare texts by collations, to which "a", "A" and "a " may be one. Not so bytes.
        Column("key", String(64).with_variant(mysql.VARBINARY(64), *_MARIADB), primary_key=True),
        Column("payload", LargeBinary().with_variant(mysql.LONGBLOB(), *_MARIADB), nullable=False),
        Column("created_at", Double(), nullable=False),
        # NULL is never: not every database has an infinity.
        Column("expires_at", Double(), nullable=True),
        Column("version", BigInteger(), nullable=False),
        Column("owner", Text().with_variant(mysql.BLOB(), *_MARIADB), nullable=True),
        schema=schema or None,
    )
    Index(f"ix_{name}_expires_at", table.c.expires_at)
    # Owners may be long: MariaDB indexes their beginning, PostgreSQL a hash.
    lengths: dict[str, Any] = {f"{dialect}_length": {"owner": 255} for dialect in _MARIADB}
    Index(f"ix_{name}_owner", table.c.owner, postgresql_using="hash", **lengths)
    return table


class Statements:
    """Made once for each store: to make one takes longer than to run it. All values are parameters."""

    def __init__(self, table: Table) -> None:
        c = table.c
        now: BindParameter[float] = bindparam("now")
        is_alive = or_(c.expires_at.is_(None), c.expires_at > now)
        is_expired = c.expires_at <= now
        # No parameter of a condition has the name of a column: those are the new values of a row.
        the_key = c.key == bindparam("the_key")
        record = (c.payload, c.created_at, c.expires_at, c.version, c.owner)
        limit: BindParameter[int] = bindparam("limit")
        some_keys = c.key.in_(bindparam("some_keys", expanding=True))

        self.add = insert(table)
        self.take_the_place = update(table).where(the_key, is_expired)
        self.load = select(*record).where(the_key, is_alive)
        self.replace = update(table).where(the_key, c.version == bindparam("expected"), is_alive)
        self.delete = delete(table).where(the_key)
        self.owned = select(c.key, *record).where(c.owner == bindparam("the_owner"), is_alive)
        self.scan = select(c.key, *record).where(c.key > bindparam("last"), is_alive).order_by(c.key)
        self.scan = self.scan.limit(limit)
        self.expired = select(c.key).where(is_expired).order_by(c.expires_at).limit(limit)
        # Once more whether it has expired: another process may have put something in its place.
        self.delete_expired = delete(table).where(some_keys, is_expired)
        after_the_last = select(c.key).where(c.key > bindparam("last")).order_by(c.key).limit(limit)
        self.all = after_the_last
        self.older = after_the_last.where(c.created_at <= bindparam("moment"))
        # A key is never used twice and its record never gets younger: these are still the ones.
        self.delete_some = delete(table).where(some_keys)
        one: ColumnElement[int] = literal_column("1")  # no parameters, as all of those are values
        none: ColumnElement[int] = literal_column("0")
        page = after_the_last.add_columns(c.expires_at).subquery()
        is_alive = or_(page.c.expires_at.is_(None), page.c.expires_at > now)
        self.count = select(func.max(page.c.key), func.sum(case((is_alive, one), else_=none)))


class Columns:
    """Turns what a store is given into what the columns hold, and back."""

    def __init__(self, dialect: str) -> None:
        self._as_bytes = dialect in _MARIADB

    def text(self, text: str) -> str | bytes:
        return text.encode() if self._as_bytes else text

    def row(self, record: Record) -> dict[str, Any]:
        """Raises `ValueError` for an owner with a NUL character."""
        if record.owner is not None and "\0" in record.owner:
            raise ValueError("some databases keep no text with a NUL character, so it cannot be in an owner")
        return {
            "payload": record.payload,
            "created_at": record.created_at,
            "expires_at": None if record.expires_at == inf else record.expires_at,
            "version": record.version,
            "owner": None if record.owner is None else self.text(record.owner),
        }


def record_of(payload: Any, created_at: Any, expires_at: Any, version: Any, owner: Any) -> Record:
    return Record(
        bytes(payload),
        float(created_at),
        inf if expires_at is None else float(expires_at),
        int(version),
        None if owner is None else text_of(owner),
    )


def text_of(value: Any) -> str:
    text: str = value.decode() if isinstance(value, bytes) else value
    return text
