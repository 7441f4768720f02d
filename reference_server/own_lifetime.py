"""Timeouts of one session alone: "remember me" at the login, a public computer, and what the lab sets.

EXP-7; OWASP ASVS 5, 7.3.1 and 7.3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reference_server.demo import done, fields, opened, whole_number
from sessions import Session

DAY: Final = 24 * 60 * 60
"""Seconds."""
REMEMBERED: Final = 30 * DAY
"""Seconds without a request after which a remembered login ends."""
REMEMBERED_AT_MOST: Final = 365 * DAY
"""Seconds from the login to the end of a remembered one, however busy."""
OWN_LIFETIME: Final = "lifetime"
"""The key that holds both timeouts. The library tells when a session ends, the inspector by which rule."""


def set_lifetime(session: Session, expire_after: float | None, absolute_timeout: float | None) -> None:
    """In seconds; with neither the session ends with the browser. Raises `ValueError` as the library does."""
    session.set_lifetime(expire_after, absolute_timeout)
    session.set(OWN_LIFETIME, [expire_after, absolute_timeout])


def choose_at_login(session: Session, given: Mapping[str, str]) -> None:
    """What the two boxes of the login form say. If both are ticked, the one that is safer holds."""
    if "public" in given:
        set_lifetime(session, None, None)
    elif "remember" in given:
        set_lifetime(session, REMEMBERED, REMEMBERED_AT_MOST)


async def lifetime(request: Request) -> Response:
    given = await fields(request)
    session = await opened(request)
    expire_after, absolute_timeout = (
        whole_number(given, name, 0) if given.get(name) else None
        for name in ("expire_after", "absolute_timeout")
    )
    try:
        set_lifetime(session, expire_after, absolute_timeout)
    except ValueError as problem:
        raise HTTPException(400, str(problem)) from problem
    return done(request, "lifetime")


routes = [Route("/lab/lifetime", lifetime, methods=["POST"])]
