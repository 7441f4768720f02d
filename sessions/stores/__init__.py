"""Where sessions live. `open_store` makes a store from a URL.

`RedisStore`, `PostgresStore` and `SQLAlchemyStore` are imported when they are first asked for: each needs a
client library that comes with an extra of its own.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from sessions.stores.base import Storage, Store
from sessions.stores.cookie import CookieStore
from sessions.stores.encrypted import EncryptedStore
from sessions.stores.memory import MemoryStore
from sessions.stores.sqlite import SQLiteStore
from sessions.stores.urls import open_store

if TYPE_CHECKING:
    from sessions.stores.postgres import PostgresStore as PostgresStore
    from sessions.stores.redis import RedisStore as RedisStore
    from sessions.stores.sqlalchemy import SQLAlchemyStore as SQLAlchemyStore
    from sessions.stores.sqlalchemy import sessions_table as sessions_table

# Those of the extras are not in it: `from … import *` would ask for every client library.
__all__ = ["CookieStore", "EncryptedStore", "MemoryStore", "SQLiteStore", "Storage", "Store", "open_store"]

EXTRAS: Final = {
    "PostgresStore": "sessions.stores.postgres",
    "RedisStore": "sessions.stores.redis",
    "SQLAlchemyStore": "sessions.stores.sqlalchemy",
    "sessions_table": "sessions.stores.sqlalchemy",
}
"""Where each name lives that is imported when it is asked for."""

if not TYPE_CHECKING:  # a type checker shall notice a name that is neither here nor there

    def __getattr__(name: str) -> Any:
        if name in EXTRAS:
            return getattr(import_module(EXTRAS[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
