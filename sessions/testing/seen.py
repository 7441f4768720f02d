"""What a test does with a session: fill a new one, look at it, change it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from sessions._hidden import Hidden
from sessions._session import Session
from sessions.testing.visit import Handler


class SeenSession(Hidden, msgspec.Struct, frozen=True):
    """A session as it was when a test looked at it. Times are in UTC."""

    data: dict[str, Any]
    """Its values, without flash values."""
    flash: dict[str, Any]
    """Flash values that nobody has read yet."""
    owner: str | None
    id: str | None
    """The secret that the client holds; None with the cookie store."""
    key: str | None
    """What names it in `Store.sessions_of`; None with the cookie store."""
    created_at: datetime | None
    authenticated_at: datetime | None
    expires_at: datetime | None
    """None if it ends with the browser."""


def filling(
    values: Mapping[str, Any] | None, owner: str | int | None, flash: Mapping[str, Any] | None
) -> Handler:
    """Raises `ValueError` if there is nothing to fill a session with, as none begins then."""
    if not (values or flash or owner is not None):
        raise ValueError("an empty session is none: give it values, an owner or flash values")

    def fill(session: Session) -> None:
        session.update(dict(values or {}))
        for key, value in (flash or {}).items():
            session.flash(key, value)
        if owner is not None:
            session.owner = owner

    return fill


def seeing(seen: list[SeenSession]) -> Handler:
    """Adds what it sees, and nothing for an anonymous request."""

    def see(session: Session) -> None:
        if session.is_new:
            return
        values = dict(session)  # which uses no flash value up
        seen.append(
            SeenSession(
                data={key: value for key, value in values.items() if not session.is_flash(key)},
                flash={key: value for key, value in values.items() if session.is_flash(key)},
                owner=session.owner,
                id=session.id,
                key=session.key,
                created_at=session.created_at,
                authenticated_at=session.authenticated_at,
                expires_at=session.expires_at,
            )
        )

    return see


def changing(function: Handler) -> Handler:
    """Raises `LookupError` for an anonymous request: nothing would be changed, but something begun."""

    def change(session: Session) -> Any:
        if session.is_new:
            raise LookupError("the client has no session, or it is over: begin() begins one")
        return function(session)

    return change
