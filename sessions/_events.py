"""What happens to sessions, for the log and for whoever counts or audits: births, logins, new ids, ends.

OWASP's Session Management Cheat Sheet asks to log the life of each session. An event has the session's key, a
hash that opens nothing, and never its id.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from sessions._hidden import Hidden

logger: Final = logging.getLogger("sessions.events")

Kind = Literal["began", "login", "rotated", "ended", "refused", "bound", "proved"]


class Event(Hidden, msgspec.Struct, frozen=True):
    """One thing that happened to one session, as `SessionMiddleware(on_event=…)` is told."""

    kind: Kind
    """`began`: a new session was saved. `login`: its user has proved who they are. `rotated`: it got a new id
    for another reason. `ended`: the app has ended it. `refused`: a cookie, or a change, came to nothing.
    `bound`: a device has registered its key. `proved`: it has proved again that it has it.
    Sessions that expire do so in the store, which tells nobody."""
    cookie_name: str
    key: str | None = None
    """The session's key by now, as `Store.sessions_of` shows it; None with the cookie store."""
    former_key: str | None = None
    """The key that it had before a login or a rotation."""
    owner: str | None = None
    reason: str | None = None
    """Why something was refused."""


class Reporter:
    """Tells of the events of one middleware."""

    def __init__(self, cookie_name: str, on_event: Callable[[Event], None] | None) -> None:
        self._cookie_name = cookie_name
        self._on_event = on_event

    def __call__(
        self,
        kind: Kind,
        *,
        key: str = "",
        former_key: str = "",
        owner: str | None = None,
        reason: str | None = None,
    ) -> None:
        if kind != "refused":  # which has a line of its own already, that says more
            fields = {"session_event": kind, "session_cookie": self._cookie_name, "session_key": key or None}
            logger.info("session %s", kind, extra=fields)
        if self._on_event is None:
            return
        event = Event(
            kind=kind,
            cookie_name=self._cookie_name,
            key=key or None,
            former_key=former_key or None,
            owner=owner,
            reason=reason,
        )
        try:
            self._on_event(event)
        except Exception:
            logger.exception("on_event raised; the request goes on")


def nobody_listens(kind: Kind, **_: object) -> None:
    """In place of a `Reporter`, where there is no middleware."""
