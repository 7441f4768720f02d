"""The way out: as the response starts, the session is saved, and browser and caches are told."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Awaitable, Container
from typing import Final

import anyio
import msgspec

from sessions._asgi import SECURE_SCHEMES, Headers, Message, Receive, Scope, Send
from sessions._binding import Binding
from sessions._caching import VARY_COOKIE, for_shared_caches, setting_cookies, varying
from sessions._commit import commit
from sessions._cookie import Cookie
from sessions._cookie_header import Found
from sessions._excluded import Excluded
from sessions._hidden import Hidden
from sessions._lifetime import Lifetime
from sessions._session import Session, replace_values
from sessions._work import Phase, Standing, Work
from sessions.errors import CookieTooLarge, LateChange, SessionEnded, StoreUnavailable

logger = logging.getLogger("sessions")

RETRY_AFTER: Final = 5
"""Seconds that a client is asked to wait while the store is away."""

SERVER_ERROR: Final = 500
"""From this status on a response has failed, and nothing of its changes is saved (SAVE-6)."""

_OPEN: Final = Phase.OPEN
_ANSWERED: Final = Phase.ANSWERED
_ANONYMOUS: Final = Standing.ANONYMOUS
_LIVE: Final = Standing.LIVE
_SET_COOKIE: Final = b"set-cookie"
STARTS: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class Exchange(Hidden, msgspec.Struct, eq=False):
    """One request and its response."""

    session: Session
    work: Work
    cookie: Cookie
    found: Found | None
    scope: Scope
    forward: Send
    """The server's `send`."""

    def send(self, message: Message) -> Awaitable[None]:
        """What the app sends with."""
        work = self.work
        if work.phase is not _OPEN:
            if work.notes is not None:
                _refuse_late_changes(work, self.session)
            return self.forward(message)
        if message["type"] not in STARTS:
            return self.forward(message)
        held, headers = work.held, message.get("headers", ())
        if type(headers) is not list:
            headers = [*headers]  # whatever can be gone through only once
            message = {**message, "headers": headers}
        names = dict(headers)
        if _SET_COOKIE in names or self.scope.get("session") is not self.session:
            self._hear_of_others(message)
            return self._start(message, names)
        if held is None:
            if work.accessed:
                return self._start(message, names)
        elif (
            work.notes is not None
            or work.special
            or work.nested
            or held is not work.known
            or held.record.expires_at - time.time() <= work.carrier.enough
        ):
            return self._start(message, names)
        # Nothing to save, and nothing to tell.
        work.phase = _ANSWERED
        return self.forward(_varied(message, headers, names) if work.accessed else message)

    async def _start(self, message: Message, names: Container[bytes]) -> None:
        """Send the start of the response, after the commit."""
        work, session = self.work, self.session
        headers, changed = message.get("headers", ()), False
        if work.fault is None:
            try:
                if message.get("status", 200) >= SERVER_ERROR:
                    self._discard(message)
                due = work.is_due(time.time())
                if due or work.notes is not None or work.nested or work.pending:
                    await commit(work, session, extend=due and _is_activity(work, message))
                if work.held is not work.known or work.dismissed:
                    told = self._with_cookie(headers)
                    changed = told is not headers
                    headers = told
            except SessionEnded as fault:
                logger.warning("changes were not saved: %s", fault)
                work.report("refused", reason=str(fault))
            except BaseException as fault:
                # The app may answer with an error page of its own, which then goes out without them.
                work.fault = fault
                raise
        elif not work.ending:
            work.discard(session)
        if changed:  # with the cookie, `Vary` is among them
            message = {**message, "headers": headers}
        elif work.accessed:
            message = _varied(message, headers, names)
        work.phase = _ANSWERED
        await self.forward(message)

    def _hear_of_others(self, message: Message) -> None:
        _hear_of_replacement(self.session, self.scope)
        self.cookie.warn_if_set_inside(message.get("headers", ()))

    def _discard(self, message: Message) -> None:
        if self.work.discard(self.session):
            logger.error(
                "a response with the status %d keeps no changes of its session; save() keeps them",
                message["status"],
            )

    def finish(self) -> None:
        """The app has returned. Raises `LateChange` for a change that nobody has saved."""
        work = self.work
        if self.scope.get("session") is not self.session:
            _hear_of_replacement(self.session, self.scope)
        if (
            work.accessed
            # After the start of the response, or on a websocket that was never accepted.
            and (work.notes is not None or work.nested or work.pending or work.phase is not _ANSWERED)
            and work.has_unsaved(self.session)
        ):
            _refuse_late_changes(work, self.session)

    async def fail(self, error: BaseException, receive: Receive) -> bool:
        """The app has raised. Whether the exception was answered here, by a handler of the app's or a 503."""
        work = self.work
        if work.phase is not _OPEN or isinstance(error, GeneratorExit):
            return False  # at a GeneratorExit the event loop is gone: nothing can be awaited any more
        # Starlette counts a response as started though its start was not sent. If the app has a handler for
        # our error, another error comes out of that.
        if (
            work.fault is not None
            and error.__cause__ is work.fault
            and not (work.ending or work.dismissed)
            and await answered_by_the_app(work.fault, self.scope, receive, self.send)
        ):
            return True
        cause = _store_unavailable(work.fault or error) if isinstance(error, Exception) else None
        if cause is None:
            await self._end_in_spite_of(error)
            work.phase = Phase.FAILED
            return False
        await unavailable(cause, self.scope["type"], self.forward)
        return True

    async def _end_in_spite_of(self, error: BaseException) -> None:
        """A logout holds whatever its page does (OUT-4)."""
        work = self.work
        if not (work.ending or work.dismissed):
            return
        work.discard(self.session)
        with anyio.CancelScope(shield=True):
            await commit(work, self.session, extend=False)
        if not work.carrier.on_server and self.scope["type"] == "http" and isinstance(error, Exception):
            # Only the browser keeps the session, and whoever answers further out cannot tell it. What was set
            # since may be what failed, as it is too large for a cookie.
            work.held, work.standing = None, _ANONYMOUS
            headers = self._with_cookie([(b"content-type", b"text/plain; charset=utf-8")])
            await self.forward({"type": "http.response.start", "status": 500, "headers": headers})
            await self.forward({"type": "http.response.body", "body": b"Internal Server Error"})

    def _with_cookie(self, headers: Headers) -> Headers:
        """The headers with what the browser and caches must know."""
        work = self.work
        held, known = work.held, work.known
        lifetime = work.lifetime
        if (
            held is not None
            and known is not None
            and not work.retimed
            and not work.carrier.must_tell(known, held, ends=lifetime.told)
        ):
            return headers
        try:
            cookies = self.cookies(headers, lifetime)
        except CookieTooLarge as fault:
            if held is None or known is None or held.line != known.line:
                raise
            # It is from before the limit, and only its end has moved.
            logger.warning("a session was not extended: %s", fault)
            return headers
        if not cookies:
            return headers
        if work.carrier.binding is not None:
            of_device, invitation = self.of_binding(work.carrier.binding)
            return [*setting_cookies(headers, [*cookies, *of_device]), *invitation]
        return setting_cookies(headers, cookies)

    def of_binding(self, binding: Binding) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
        """What a browser that is told of a session is told of its device, too: cookies and other headers."""
        work, now = self.work, time.time()
        held, device = work.held, work.device if work.standing is _LIVE else None
        if held is None or device is None:
            return binding.removals(self.scope), []
        if device.is_bound:
            max_age = work.lifetime.max_age(held.record.expires_at, now)
            return binding.finder_cookie(self.scope, held.key, max_age), []
        invitation = [binding.invitation(self.scope, held.key, device, now)] if work.inviting else []
        return binding.removals(self.scope), invitation

    @property
    def is_https(self) -> bool:
        return self.scope.get("scheme") in SECURE_SCHEMES

    def cookies(self, headers: Headers, lifetime: Lifetime) -> list[bytes]:
        """The cookie that the browser is to hold from now on, or its removal."""
        return self.cookies_of(self.cookie, self.found, headers, lifetime)

    def cookies_of(
        self, cookie: Cookie, found: Found | None, headers: Headers, lifetime: Lifetime
    ) -> list[bytes]:
        """The same for a cookie, of which the request has brought `found`."""
        work = self.work
        stale = found.numbers if found else ()
        https = self.is_https
        if work.standing is _ANONYMOUS:
            gone = found and work.dismissed
            return cookie.remove(https=https, stale=stale, headers=headers) if gone else []
        if work.held is None or work.standing is not _LIVE:
            return []
        carrier = work.carrier
        max_age = lifetime.max_age(work.held.record.expires_at, time.time())
        value = carrier.cookie(work.held)
        return cookie.write(
            value, max_age, https=https, max_bytes=carrier.max_bytes, stale=stale, headers=headers
        )


def _varied(message: Message, headers: Headers, names: Container[bytes]) -> Message:
    """A new message each time: an app may send one and the same dictionary to everybody."""
    headers = varying(headers) if b"vary" in names else [*headers, VARY_COOKIE]
    return {**message, "headers": headers}


def _hear_of_replacement(session: Session, scope: Scope) -> None:
    """Take over what the app, or its framework, has put in the session's place (OBJ-7)."""
    other = scope.get("session", session)
    if other is not session and not _is_another_session(other, scope):
        scope["session"] = session
        replace_values(session, other)


def _is_another_session(other: object, scope: Scope) -> bool:
    """Whether it is from a session middleware further in: ours, Starlette's from 1.0 on, or starsessions'."""
    if "session_handler" in scope:
        return True  # starsessions; its session may bear no look at all, not even isinstance()
    module = sys.modules.get("starlette.middleware.sessions")
    return isinstance(other, Session | Excluded | getattr(module, "Session", Session))


def _refuse_late_changes(work: Work, session: Session) -> None:
    """Raise if a change since the start of the response was not saved; the session is as saved again."""
    if work.put_back(session):
        raise LateChange("a change after the start of the response was not followed by session.save()")


def _is_activity(work: Work, message: Message) -> bool:
    """Whether the response may extend the session, for which it has to carry a cookie.

    Not where the app wants shared caches to keep it, nor at a websocket.
    """
    if message["type"] != "http.response.start" or not work.extends:
        return False
    if work.accessed:
        return True
    return not for_shared_caches(message.get("headers", ()))


def _store_unavailable(error: BaseException) -> StoreUnavailable | None:
    """The error, or the first one of a task group's in which there are no others."""
    if isinstance(error, StoreUnavailable):
        return error
    if isinstance(error, BaseExceptionGroup):
        found, others = error.split(StoreUnavailable)
        while others is None and isinstance(found, BaseExceptionGroup):
            first = found.exceptions[0]
            if isinstance(first, StoreUnavailable):
                return first
            found = first if isinstance(first, BaseExceptionGroup) else None
    return None


async def answered_by_the_app(fault: BaseException, scope: Scope, receive: Receive, send: Send) -> bool:
    """Let the app's own handler answer for a commit that failed, if it has one in Starlette or FastAPI.

    Whether it has one. Such a handler gets what is raised before the response starts only.
    """
    handlers = scope.get("starlette.exception_handlers", ({},))[0]
    middleware = getattr(sys.modules.get("starlette.middleware.exceptions"), "ExceptionMiddleware", None)
    if middleware is None or handlers.keys().isdisjoint(type(fault).__mro__):
        return False

    async def raise_it(scope: Scope, receive: Receive, send: Send) -> None:
        raise fault

    context = fault.__context__
    await middleware(raise_it, handlers)(scope, receive, send)
    fault.__context__ = context  # to raise it again put there the error that it is the cause of: a circle
    return True


async def unavailable(fault: StoreUnavailable, kind: str, send: Send) -> None:
    """Answer that the store is away."""
    logger.error("answered that the service is unavailable: %s", fault)
    if kind == "websocket":
        await send({"type": "websocket.close", "code": 1013, "reason": "try again later"})
        return
    body = b"The sessions are out of reach just now. Please try again in a moment.\n"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_AFTER).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
