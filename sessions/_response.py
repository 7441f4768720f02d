"""The way out: as the response starts, the session is saved, and browser and caches are told."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

import anyio

from sessions._commit import commit
from sessions._cookie import Cookie, Found
from sessions._session import Session, replace_values
from sessions._work import Phase, Standing, Work
from sessions.errors import LateChange, SessionEnded, StoreUnavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

logger = logging.getLogger("sessions")

RETRY_AFTER: Final = 5
"""Seconds that a client is asked to wait while the store is away."""

SERVER_ERROR: Final = 500
"""From this status on a response has failed, and nothing of its changes is saved (SAVE-6)."""

_OPEN: Final = Phase.OPEN
_ANSWERED: Final = Phase.ANSWERED
_ANONYMOUS: Final = Standing.ANONYMOUS
_LIVE: Final = Standing.LIVE
_SECURE_SCHEMES: Final = frozenset({"https", "wss"})
_VARY_COOKIE: Final = (b"vary", b"Cookie")
_START: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class Response:
    """What the app sends with, in place of the server's `send`."""

    __slots__ = ("_cookie", "_found", "_needs_no_extension", "_scope", "_send", "_session", "_work")

    def __init__(
        self, work: Work, session: Session, cookie: Cookie, found: Found | None, scope: Scope, send: Send
    ) -> None:
        self._work = work
        self._needs_no_extension = work.carrier.lifetime.needs_no_extension
        self._session = session
        self._cookie = cookie
        self._found = found
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        work = self._work
        if work.phase is not _OPEN:
            if work.notes:
                self._refuse_late_changes()
        elif message["type"] in _START:
            if work.accessed or self._has_to_act(message):
                message = await self._start(message)
            work.phase = _ANSWERED
        await self._send(message)

    def _has_to_act(self, message: Message) -> bool:
        """Whether there is something to do for a session that nobody has looked at."""
        held = self._work.held
        if held is not None and held.record.expires_at - time.time() <= self._needs_no_extension:
            return True
        for name, _ in message.get("headers", ()):
            if name == b"set-cookie":
                return True
        return self._scope.get("session") is not self._session

    async def _start(self, message: Message) -> Message:
        """The start of the response, after the commit."""
        work, session = self._work, self._session
        headers = given = message.get("headers", ())
        self._cookie.warn_if_set_inside(headers)
        if self._scope.get("session", session) is not session:
            self._hear_of_replacement()
        carried = work.held
        due = carried is not None and carried.record.expires_at - time.time() <= self._needs_no_extension
        if (due or work.accessed) and work.fault is None:
            headers = await self._commit(message, headers, due)
        if work.accessed:
            headers = _varying(headers)
        # A new message each time: an app may send one and the same dictionary to everybody.
        return message if headers is given else {**message, "headers": headers}

    async def _commit(self, message: Message, headers: Headers, due: bool) -> Headers:
        work, session = self._work, self._session
        if message.get("status", 200) >= SERVER_ERROR and work.discard(session):
            logger.error(
                "a response with the status %d keeps no changes of its session; save() keeps them",
                message["status"],
            )
        try:
            if due or work.needs_commit(session):
                await commit(work, session, extend=due and _is_activity(work, message))
            return self._with_cookie(headers)
        except SessionEnded as fault:
            logger.warning("changes were not saved: %s", fault)
            return headers
        except BaseException as fault:
            # The app may answer with an error page of its own, which then goes out without them.
            work.fault = fault
            raise

    def finish(self) -> None:
        """The app has returned. Raises `LateChange` for a change that nobody has saved."""
        work = self._work
        if self._scope.get("session", self._session) is not self._session:
            self._hear_of_replacement()
        if work.accessed and work.needs_commit(self._session):
            # After the start of the response, or on a websocket that was never accepted.
            self._refuse_late_changes()

    async def fail(self, error: BaseException) -> bool:
        """The app has raised. Whether the exception was answered here, with a 503."""
        work = self._work
        if work.phase is not _OPEN:
            return False
        # Starlette counts a response as started though its start was not sent. If the app has a handler
        # for our error, another error comes out of that.
        cause = _store_unavailable(work.fault or error) if isinstance(error, Exception) else None
        if cause is None:
            await self._end_in_spite_of(error)
            work.phase = Phase.FAILED
            return False
        await unavailable(cause, self._scope["type"], self._send)
        return True

    def _hear_of_replacement(self) -> None:
        """Take over what the app, or its framework, has put in the session's place (OBJ-7)."""
        session = self._session
        other = self._scope.get("session", session)
        if other is not session and not isinstance(other, Session):
            self._scope["session"] = session
            replace_values(session, other)

    async def _end_in_spite_of(self, error: BaseException) -> None:
        """A logout holds whatever its page does (OUT-4)."""
        work = self._work
        if not work.ending:
            return
        work.discard(self._session)
        with anyio.CancelScope(shield=True):
            await commit(work, self._session, extend=False)
        if not work.carrier.on_server and self._scope["type"] == "http" and isinstance(error, Exception):
            # Only the browser keeps the session, and whoever answers further out cannot tell it.
            headers = self._with_cookie([(b"content-type", b"text/plain; charset=utf-8")])
            await self._send({"type": "http.response.start", "status": 500, "headers": headers})
            await self._send({"type": "http.response.body", "body": b"Internal Server Error"})

    def _refuse_late_changes(self) -> None:
        """Raise if a change since the start of the response was not saved; the session is as saved again."""
        if self._work.put_back(self._session):
            raise LateChange("a change after the start of the response was not followed by session.save()")

    def _with_cookie(self, headers: Headers) -> Headers:
        """The headers with what the browser and caches must know."""
        work = self._work
        if work.held is work.known and not work.dismissed:
            return headers
        cookies = self._set_cookie(https=self._scope.get("scheme") in _SECURE_SCHEMES)
        if not cookies:
            return headers
        headers = [*headers, *[(b"set-cookie", cookie) for cookie in cookies]]
        if not any(name.lower() == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"private"))
        return headers

    def _set_cookie(self, *, https: bool) -> list[bytes]:
        """The cookie, if what the request leaves with is not what it arrived with."""
        work, found = self._work, self._found
        stale = found.numbers if found else ()
        if work.standing is _ANONYMOUS:
            return self._cookie.remove(https=https, stale=stale) if found and work.dismissed else []
        carried, carrier = work.held, work.carrier
        if carried is None or work.standing is not _LIVE:
            return []
        if work.known is not None and carrier.told(carried) == carrier.told(work.known):
            return []
        value = carrier.cookie(carried)
        max_age = carrier.lifetime.max_age(carried.record.expires_at, time.time())
        return self._cookie.write(value, max_age, https=https, max_bytes=carrier.max_bytes, stale=stale)


def _is_activity(work: Work, message: Message) -> bool:
    """Whether the response may extend the session, for which it has to carry a cookie.

    Not where the app wants shared caches to keep it, nor at a websocket.
    """
    if message["type"] != "http.response.start":
        return False
    if work.accessed:
        return True
    for name, value in message.get("headers", ()):
        if name.lower() == b"cache-control":
            return b"private" in value.lower() or b"no-store" in value.lower()
    return True


def _varying(headers: Headers) -> Headers:
    """The headers with `Vary: Cookie` among them (RFC 9110, section 12.5.5)."""
    for name, _ in headers:
        if name == b"vary":
            break
    else:
        return [*headers, _VARY_COOKIE]
    said = b", ".join(value for name, value in headers if name == b"vary")
    if {b"*", b"cookie"} & {field.strip().lower() for field in said.split(b",")}:
        return headers
    return [*[header for header in headers if header[0] != b"vary"], (b"vary", said + b", Cookie")]


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
