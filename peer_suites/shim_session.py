"""One of our sessions outside of any request. Nothing else in `peer_suites/` knows how one is made."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import inf
from typing import Any

from sessions import MemoryStore, Record, Session
from sessions.carriers import Carried
from sessions.expiry import Lifetime
from sessions.jsonvalues import encode
from sessions.record import Content


def make_session(data: Mapping[str, Any] | None = None) -> Session:
    """What `Session({"a": 1})` is with Starlette: a session that came with this data, untouched so far."""
    carrier = MemoryStore().carrier(Lifetime(), None)
    record = Record(encode(Content(dict(data or {}))), time.time(), inf)
    return Session(carrier, Carried(record))
