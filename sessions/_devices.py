"""Requests with the cookie of a bound session: with the proof of its device, or without.

Without it is an anonymous request: the thief of a cookie sees nothing of the session. It may also be the
owner, whose browser just does not prove anything: then the session's cookie must stay, and the login page
must work. So what such a request writes goes into a session of its own, behind a cookie of its own
(`session-guest`). A login there begins a session behind the usual cookie, in place of the one that could not
be proved.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from sessions._asgi import ASGIApp, Headers, Receive, Scope, Send
from sessions._binding import Binding
from sessions._carriers import Carried, Carrier, opened_by
from sessions._cookie import Cookie
from sessions._cookie_header import Found
from sessions._device_endpoint import Endpoint
from sessions._lifetime import Lifetime
from sessions._record import binds
from sessions._response import Exchange, unavailable
from sessions._session import Session, open_session
from sessions._work import Work
from sessions.errors import StoreUnavailable

Opening = Callable[..., tuple[Session, Work]]


class GuestExchange(Exchange, kw_only=True, eq=False):
    """A request of a guest, and its response. `cookie` and `found` are of the guest's cookie."""

    usual: Cookie
    """The cookie of the session that could not be proved."""
    usual_found: Found | None = None

    def cookies(self, headers: Headers, lifetime: Lifetime) -> list[bytes]:
        if self.work.held is None or self.work.owner is None:
            return super().cookies(headers, lifetime)
        lines = self.cookies_of(self.usual, self.usual_found, headers, lifetime)
        if self.found is not None:
            lines += self.cookie.remove(https=self.is_https, stale=self.found.numbers)
        return lines

    def of_binding(self, binding: Binding) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
        """Nothing unless somebody has logged in: the owner's cookies stay."""
        return ([], []) if self.work.owner is None else super().of_binding(binding)


def with_proof(proof: tuple[float, float] | None, opening: Opening) -> Opening:
    """What opens the session of a request that its device has proved."""
    if proof is None:
        return opening

    def open_proved(*others: Any, **named: Any) -> tuple[Session, Work]:
        session, work = opening(*others, **named)
        work.proof = proof
        return session, work

    return open_proved


class NotProved(Exception):
    """The request's session is bound to a device, and the request came without proof."""

    def __init__(self, serve: Callable[..., Awaitable[None]]) -> None:
        super().__init__("the session is bound to a device, and there is no proof")
        self.serve = serve


class Devices:
    """What one middleware does about devices: registrations and renewals, and requests without proof."""

    def __init__(
        self,
        binding: Binding,
        carrier: Carrier,
        cookie: Cookie,
        login_keys: Collection[str],
        report: Callable[..., None],
        *,
        is_activity: Callable[[Scope], bool] | None,
    ) -> None:
        self.binding = binding
        self.endpoint = Endpoint(binding, carrier, cookie, report)
        self._carrier = carrier
        self._login_keys = login_keys
        self._report = report
        self._is_activity = is_activity

    async def proof(self, scope: Scope, carried: Carried | None) -> tuple[float, float] | None:
        """The proof of a bound session's device, as `Work.proof` has it; None for any other session.

        Raises `NotProved` and `StoreUnavailable`.
        """
        if carried is None:
            return None
        said, living = binds(carried.record.payload), carried
        device = said.device
        if said.moved is not None:
            # An id that was replaced a moment ago can still change the session that follows.
            loaded = await self._carrier.under(carried.key)
            followed = None if loaded is None else await self._carrier.follow(loaded)
            device, living = (None, carried) if followed is None else (followed[0][1].device, followed[0][0])
        if device is None or not device.is_bound:
            return None
        proved = self.binding.proved_at(scope, device, time.time())
        if proved is None:
            reason = self.binding.reason(scope["headers"])
            self._report("refused", reason=reason, key=living.key, owner=living.record.owner)
            raise NotProved(self._serve)
        return proved

    async def _serve(
        self, app: ASGIApp, usual: Cookie, found: Found | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Raises what the app raises."""
        guest = self.binding.guest
        cookie = guest if guest.of_request is None else guest.of_request(scope)
        guest_found = cookie.find(scope["headers"])
        try:
            carried = None if guest_found is None else await self._guest(guest_found)
        except StoreUnavailable as away:
            await unavailable(away, scope["type"], send)
            return
        extends = self._is_activity is None or self._is_activity(scope)
        session, work = open_session(
            self._carrier, scope, self._login_keys, self._report, carried, at_once=True, extends=extends
        )
        scope["session"] = session
        scope.setdefault("sessions", {})[usual.name] = session
        exchange = GuestExchange(
            session, work, cookie, guest_found, scope, send, usual=usual, usual_found=found
        )
        policy = self.binding.options.unproven
        answering = None if policy is None else policy(scope)
        try:
            await (answering or app)(scope, receive, exchange.send)
        except BaseException as error:
            if await exchange.fail(error, receive):
                return
            raise
        exchange.finish()

    async def _guest(self, found: Found) -> Carried | None:
        """The guest's session; None for one that has an owner, which is no guest's.

        Raises `StoreUnavailable`.
        """
        if not found.value:
            return None
        carried = await opened_by(self._carrier, found.value)
        if carried is None or carried.record.owner is not None:
            return None
        said = binds(carried.record.payload)
        return carried if said.moved is None and said.device is None else None
