"""Where sessions live. `open_store` makes a store from a URL."""

from sessions.stores.base import Storage, Store
from sessions.stores.cookie import CookieStore
from sessions.stores.memory import MemoryStore
from sessions.stores.sqlite import SQLiteStore
from sessions.stores.urls import open_store

__all__ = ["CookieStore", "MemoryStore", "SQLiteStore", "Storage", "Store", "open_store"]
