"""Server-side and cookie sessions for ASGI apps, correct under concurrency."""

from typing import TYPE_CHECKING, Any

import sessions.stores
from sessions._binding import DeviceBinding
from sessions._cookie import CookieOptions
from sessions._device import DeviceProof
from sessions._events import Event
from sessions._lookup import get_session
from sessions._middleware import SessionMiddleware
from sessions._record import OwnedSession, Record
from sessions._session import Session
from sessions.errors import (
    CookieTooLarge,
    InvalidCookie,
    LateChange,
    SessionEnded,
    SessionError,
    SessionTooLarge,
    StoreUnavailable,
    WriteConflict,
)
from sessions.stores import CookieStore, EncryptedStore, MemoryStore, SQLiteStore, Store, open_store
from sessions.typed import Field, Fields, TypedSession

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sessions.stores import PostgresStore as PostgresStore
    from sessions.stores import RedisStore as RedisStore
    from sessions.stores import SQLAlchemyStore as SQLAlchemyStore
    from sessions.stores import sessions_table as sessions_table

__all__ = [
    "CookieOptions",
    "CookieStore",
    "CookieTooLarge",
    "DeviceBinding",
    "DeviceProof",
    "EncryptedStore",
    "Event",
    "Field",
    "Fields",
    "InvalidCookie",
    "LateChange",
    "MemoryStore",
    "OwnedSession",
    "Record",
    "SQLiteStore",
    "Session",
    "SessionEnded",
    "SessionError",
    "SessionMiddleware",
    "SessionTooLarge",
    "Store",
    "StoreUnavailable",
    "TypedSession",
    "WriteConflict",
    "get_session",
    "open_store",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in sessions.stores.EXTRAS:
            return getattr(sessions.stores, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
