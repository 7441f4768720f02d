"""Server-side and cookie sessions for ASGI apps, correct under concurrency."""

from sessions.cookies import CookieOptions
from sessions.errors import (
    CookieTooLarge,
    InvalidCookie,
    LateChange,
    SessionEnded,
    SessionError,
    StoreUnavailable,
    WriteConflict,
)
from sessions.lookup import get_session
from sessions.middleware import SessionMiddleware
from sessions.record import OwnedSession, Record
from sessions.session import Session
from sessions.stores import CookieStore, MemoryStore, SQLiteStore, Store, open_store
from sessions.typed import Field, Fields, TypedSession

__all__ = [
    "CookieOptions",
    "CookieStore",
    "CookieTooLarge",
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
    "Store",
    "StoreUnavailable",
    "TypedSession",
    "WriteConflict",
    "get_session",
    "open_store",
]
