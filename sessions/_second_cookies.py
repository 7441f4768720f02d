"""A request with cookies of our name that are too many or too few.

Too many: planted by a sibling subdomain, left by an older release. To act in the wrong session is worse than
to act in none. So one of them is used only if it is the only one that opens a living session. And the
response removes the others, so that the next request brings one again.

Too few: a piece of a split cookie is missing. The response removes the others. They say nothing, and in a
client that sends only so many bytes they take the place of what is set next.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from sessions._asgi import SECURE_SCHEMES, Message, Scope
from sessions._caching import setting_cookies
from sessions._carriers import Carried, Carrier, opened_by
from sessions._cookie import Cookie
from sessions._cookie_header import Found
from sessions._record import moved_to
from sessions.errors import InvalidCookie

logger = logging.getLogger("sessions")


async def only_living(carrier: Carrier, found: Found) -> Carried | None:
    """The session that one of the cookies opens, if the others open none.

    Raises `InvalidCookie` if there is more than one, and `StoreUnavailable`.
    """
    if found.fault is not None:
        raise InvalidCookie(found.fault)
    opened: list[Carried] = []
    for value in found.several:
        carried = await opened_by(carrier, value)  # if by an older key: the next request gets it anew
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
    return _without_elsewhere(cookie, found.doubled, scope, message)


def _without_elsewhere(cookie: Cookie, numbers: Iterable[int], scope: Scope, message: Message) -> Message:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    lines = cookie.remove_elsewhere(
        host.decode("latin-1").partition(":")[0],
        _path(scope),
        numbers,
        message.get("headers", ()),
        https=scope.get("scheme") in SECURE_SCHEMES,
    )
    return with_cookies(lines, message)


def without_useless_pieces(cookie: Cookie, found: Found, scope: Scope, message: Message) -> Message:
    """The start of the response, with what removes the pieces of a split cookie of which one is missing.

    They may have been planted, so those that came are removed from other places too.
    """
    if not found.useless:
        return message
    https = scope.get("scheme") in SECURE_SCHEMES
    message = with_cookies(
        cookie.remove_useless(found.useless, message.get("headers", ()), https=https), message
    )
    return _without_elsewhere(cookie, found.numbers, scope, message)


def with_cookies(lines: Sequence[bytes], message: Message) -> Message:
    """The start of the response with these `Set-Cookie` values too."""
    if not lines:
        return message
    return {**message, "headers": setting_cookies(message.get("headers", ()), lines)}


def _path(scope: Scope) -> str:
    """The path as the browser knows it, still percent-encoded if the server tells."""
    raw = scope.get("raw_path")
    path: str = raw.decode("latin-1") if raw else scope["path"]
    root: str = scope.get("root_path", "")
    return path if path.startswith(root) else root + path
