"""A request that brings a session of another library: it is opened here, and begun as ours with the response.

    old cookie → old id → has it moved in before? → the values → a session of the request → our cookie

Nothing is written before the response starts. `_commit.py` begins the session then, and `_carriers/id.py`
keeps what leads from the old id to the new session, so that requests at the same time, and those whose answer
was lost, find the same one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, Final

from sessions._asgi import SECURE_SCHEMES, Headers, Message, Scope
from sessions._carriers import Carried, Carrier, MovingIn, new_seed
from sessions._cookie import Cookie
from sessions._cookie_header import values_of
from sessions._json import encode
from sessions._record import Content, Record, new_commit_id, owner_text
from sessions._second_cookies import with_cookies
from sessions._session import Session, open_session
from sessions._stamp import stamped
from sessions._work import Work
from sessions.errors import CookieTooLarge, StoreUnavailable
from sessions.moving._content import carried_over
from sessions.moving._old_cookie import OldCookie, OldSession, Refused

logger = logging.getLogger("sessions")

LONGEST: Final = 400 * 24 * 60 * 60
"""Seconds that it is remembered that an old cookie has moved in, if it has no end of its own."""

MARGIN: Final = 60
"""Seconds that it is remembered beyond the cookie's end: clocks of servers differ."""

MOST_REASONS: Final = 1_000
"""Different lines that one middleware logs of cookies and keys: apps may make up keys without end."""


class Brought:
    """What a request has brought of other libraries' sessions."""

    def __init__(self, cookies: Sequence[Cookie], ours: Cookie) -> None:
        """`cookies`: the old ones that came."""
        self.carried: Carried | None = None
        """The session, if there is a living one."""
        self.moving: MovingIn | None = None
        """If it has yet to begin here."""
        self.is_refused = False
        """Whether a cookie was not adopted. The log has said why, now or before."""
        self.is_over = False
        """Whether a cookie is of a session that moved in before, and has ended or got a new id since."""
        self._names = {cookie.name for cookie in cookies}
        self._elsewhere = [cookie for cookie in cookies if not cookie.is_same(ours)]
        self._ours = ours.name.encode() + b"="
        self._work: Work | None = None

    def explains(self, name: str) -> bool:
        """Whether a cookie of this name is no session of ours because it is another library's."""
        return self.carried is not None or (self.is_refused and name in self._names)

    def open(self, carrier: Carrier, scope: Scope, *others: Any, **named: Any) -> tuple[Session, Work]:
        """As `open_session`. The request holds the session that it brought, and the browser is to be told."""
        session, work = open_session(carrier, scope, *others, **named)
        self._work = work
        if self.carried is not None:
            session.mark_accessed()
            work.move_in(self.moving)
        return session, work

    def without_old_cookies(self, scope: Scope, message: Message) -> Message:
        """The start of the response, with what removes the old cookies if they are of no use any more."""
        work = self._work
        headers = message.get("headers", ())
        told = any(name == b"set-cookie" and self._is_ours(value) for name, value in headers)
        ended = work is not None and work.dismissed and not work.ending
        if not (told or ended or self.is_over):
            return message
        https = scope.get("scheme") in SECURE_SCHEMES
        lines = [line for cookie in self._elsewhere for line in cookie.remove(https=https, stale=())]
        return with_cookies(lines, message)

    def _is_ours(self, line: bytes) -> bool:
        """Whether it brings the browser a cookie of ours, and removes none."""
        return line.startswith(self._ours) and not line.startswith(self._ours + b";")


class Moving:
    """What one middleware adopts. Each reason to refuse a cookie is logged once, for each kind of cookie."""

    def __init__(self, adopt: Collection[OldCookie], carrier: Carrier) -> None:
        """Raises `TypeError` for what is no collection of `OldCookie`."""
        if not isinstance(adopt, Collection) or not all(isinstance(each, OldCookie) for each in adopt):
            raise TypeError("adopt is a list of cookies from sessions.moving, such as [StarletteCookie(…)]")
        self._adopt = tuple(adopt)
        self._carrier = carrier
        self._said: set[str] = set()

    async def find(self, headers: Headers, cookie: Cookie, *, has_ours: bool) -> Brought | None:
        """The session of the first old cookie that opens one; None if the request has no old cookie.

        `cookie`: ours, at the place that it has for this request.
        `has_ours`: whether the cookie of our name has the form of one of ours. Then it may be of a session
        of ours that is over, and it is no news that no other library knows it.

        Raises `StoreUnavailable`, and what a function of the app raises, `owner` or `convert`.
        """
        sent = [(old, values) for old in self._adopt if (values := values_of(old.cookie.name, headers))]
        if not sent:
            return None
        brought = Brought([old.cookie for old, _ in sent], cookie)
        silent = cookie.name if has_ours else None
        for old, values in sent:
            opened = {}
            for value in values:
                try:
                    old_id = old.identify(value)
                    found = await self._of(old, old_id)
                except Refused as fault:
                    if old.cookie.name != silent:
                        self._refuse(brought, old, str(fault))
                    continue
                if isinstance(found, Carried | MovingIn):
                    opened[old_id] = found
                if found is _OVER:
                    logger.info("did not adopt a cookie %r: %s", old.cookie.name, _OVER)
                    brought.is_over = brought.is_refused = True
            if len(opened) > 1:
                # To act in the wrong session is worse than to act in none.
                self._refuse(brought, old, "it came with several sessions")
            elif opened:
                (only,) = opened.values()
                brought.moving = only if isinstance(only, MovingIn) else None
                brought.carried = only.carried if isinstance(only, MovingIn) else only
                brought.is_refused = brought.is_over = False
                return brought
        return brought

    async def _of(self, old: OldCookie, old_id: str) -> Carried | MovingIn | str | None:
        """The session of an old id, as ours or to begin as ours; `_OVER`; None if there is none."""
        if (moved := await self._carrier.moved_in(old_id)) is not None:
            return moved.carried or _OVER
        session = await old.read(old_id)
        if session is None:  # another request may just have taken it away
            moved = await self._carrier.moved_in(old_id)
            return None if moved is None else moved.carried or _OVER

        async def remove() -> None:
            try:
                await old.remove(old_id)
            except StoreUnavailable as fault:
                logger.warning("an adopted session stays in its old store until it ends there: %s", fault)

        now = time.time()
        return MovingIn(
            carried=self._carried(old, session, now),
            old_id=old_id,
            ends_at=min(session.ends_at + MARGIN, now + LONGEST),
            seed=new_seed(),
            remove=remove,
        )

    def _carried(self, old: OldCookie, session: OldSession, now: float) -> Carried:
        """The session as it begins here. Raises `Refused` for one that is too large, or has no fit owner."""
        say = partial(self._say, "left a value out of a session, in the cookie %r of %s: its key is %s", old)
        data = carried_over(session.data, old.convert, say)
        given = None if old.owner is None else old.owner(data)
        owner = None if given is None else _owner(given)
        line = encode(Content(data=data, owner=owner))
        lifetime = self._carrier.lifetime.of_session(owner, None)
        payload = b"".join((line, b"\n", new_commit_id(), b";", stamped(now, lifetime)))
        carried = Carried(Record(payload, now, lifetime.first(now), owner=owner))
        if len(line) > self._carrier.max_content or not self._fits(carried):
            raise Refused("its session is too large: see max_bytes of the store")
        return carried

    def _fits(self, carried: Carried) -> bool:
        """Whether the browser keeps it, if the cookie is the session."""
        try:
            self._carrier.check(carried)
        except CookieTooLarge:
            return False
        return True

    def _refuse(self, brought: Brought, old: OldCookie, reason: str) -> None:
        brought.is_refused = True
        self._say("did not adopt a cookie %r of %s: %s", old, reason)

    def _say(self, text: str, old: OldCookie, reason: str) -> None:
        line = text % (old.cookie.name, type(old).__name__, reason)
        if line not in self._said and len(self._said) < MOST_REASONS:
            self._said.add(line)
            logger.warning("%s", line)


def _owner(given: object) -> str:
    """Raises `Refused` for a text that no session can have, as it can be what a browser brought."""
    try:
        return owner_text(given)
    except ValueError as fault:
        raise Refused(str(fault)) from None


_OVER: Final = "it moved in before, and its session is over"
