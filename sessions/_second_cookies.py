"""A request with several cookies of our name: planted by a sibling subdomain, left by an older release.

To act in the wrong session is worse than to act in none. So one of them is used only if it is the only one
that opens a living session. And the response removes the others, so that the next request brings one again.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, Final

from sessions._caching import private, varying
from sessions._carriers import Carried, Carrier
from sessions._cookie import Cookie
from sessions._cookie_header import Found
from sessions._record import moved_to
from sessions.errors import InvalidCookie

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]

logger = logging.getLogger("sessions")

SECURE_SCHEMES: Final = frozenset({"https", "wss"})


async def only_living(carrier: Carrier, found: Found) -> Carried | None:
    """The session that one of the cookies opens, if the others open none.

    Raises `InvalidCookie` if there is more than one, and `StoreUnavailable`.
    """
    if found.fault is not None:
        raise InvalidCookie(found.fault)
    opened: list[Carried] = []
    for value in found.several:
        try:
            carried = await carrier.find(value)
        except InvalidCookie:
            continue
        if carried is not None:
            opened.append(carried)
    # An id that was replaced a moment ago opens nothing that the newer one does not.
    living = [carried for carried in opened if moved_to(carried.record.payload) is None] or opened
    if len(living) > 1:
        raise InvalidCookie("it was sent with several values, and more than one opens a session")
    logger.warning(
        "a cookie was sent with several values; %s", "one opens a session" if living else "none is known"
    )
    return living[0] if living else None


def without_second_cookies(cookie: Cookie, found: Found, scope: Scope, message: Message) -> Message:
    """The start of the response, with what removes the second cookies from the browser."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    lines = cookie.remove_elsewhere(
        host.decode("latin-1").partition(":")[0],
        _path(scope),
        found.doubled,
        https=scope.get("scheme") in SECURE_SCHEMES,
    )
    if not lines:
        return message
    headers = [*message.get("headers", ()), *[(b"set-cookie", line) for line in lines]]
    return {**message, "headers": varying(private(headers))}


def _path(scope: Scope) -> str:
    """The path as the browser knows it, still percent-encoded if the server tells."""
    raw = scope.get("raw_path")
    path: str = raw.decode("latin-1") if raw else scope["path"]
    root: str = scope.get("root_path", "")
    return path if path.startswith(root) else root + path
