"""One of our sessions outside of any request. Nothing else in `peer_suites/` knows how one is made."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import inf
from typing import Any

from sessions import MemoryStore, Record, Session
from sessions._carriers import Carried
from sessions._json import encode
from sessions._lifetime import Lifetime
from sessions._record import Content, joined
from sessions._session import open_session


def make_session(data: Mapping[str, Any] | None = None) -> Session:
    """What `Session({"a": 1})` is with Starlette: a session that came with this data, untouched so far."""
    content = Content(dict(data or {}))
    line = encode(content)
    carried = Carried(Record(joined(line, b""), time.time(), inf), line)
    _, session = open_session(MemoryStore().carrier(Lifetime(), None), (), (carried, content))
    return session
