"""A request's way through: cookie in, session, handler, changes, cookie out."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Final

from sessions.carriers import Carrier
from sessions.cookies import Cookie, CookieOptions, Found
from sessions.errors import InvalidCookie, LateChange, SessionEnded, StoreUnavailable
from sessions.expiry import Duration, Lifetime
from sessions.keys import EncryptionKey, KeyRing
from sessions.purge import Purger
from sessions.session import Session
from sessions.stores.base import Storage

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

logger = logging.getLogger("sessions")

RETRY_AFTER: Final = 5
"""Seconds that a client is asked to wait while the store is away."""

_NOT_FOLLOWED_UP: Final = "a change after the start of the response was not followed by session.save()"
_START: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class SessionMiddleware:
    """Gives each http request and websocket a session, `scope["session"]`.

    With several of these in one app, `request.session` belongs to the innermost, and
    `get_session(request, cookie_name)` reaches each.

    Args:
        store: where sessions live: `MemoryStore()`, `SQLiteStore(path)`, `CookieStore()`, your own.
        encryption_key: at least 32 characters; a function that returns them; or a list of either, of
            which the first seals and all open. With it ids are sealed too; the cookie store demands it.
        expire_after: idle timeout, in seconds or as a `timedelta`. None: the session ends with the browser.
        absolute_timeout: the age at which a session ends however active it is, likewise.
        auto_extend_expiration: whether each request extends the idle timeout; else only `touch()` does.
        refresh_interval: an extension is written once in this many seconds, not on each request, and
            lasts that much longer in return. By default a twentieth of `expire_after`, at most a minute.
        cookie_options: the cookie's attributes, `CookieOptions(…)` or a mapping of the same names.
        session_cookie_name: prefixes `__Host-` and `__Secure-` are kept to.

    Raises `ValueError` at construction for a key that is too short, a cookie store without key, a
    duration out of range, and cookie settings that browsers reject.
    """

    def __init__(
        self,
        app: ASGIApp,
        store: Storage,
        encryption_key: EncryptionKey | Sequence[EncryptionKey] | None = None,
        expire_after: Duration | None = None,
        absolute_timeout: Duration | None = None,
        auto_extend_expiration: bool = True,
        refresh_interval: Duration | None = None,
        cookie_options: CookieOptions | Mapping[str, Any] | None = None,
        session_cookie_name: str = "session",
    ) -> None:
        keys = None if encryption_key is None else KeyRing(encryption_key)
        lifetime = Lifetime.of(expire_after, absolute_timeout, auto_extend_expiration, refresh_interval)
        self.app = app
        self._cookie = Cookie(session_cookie_name, CookieOptions.of(cookie_options))
        self._carrier: Carrier = store.carrier(lifetime, keys)
        self._purger = Purger(self._carrier)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind in {"http", "websocket"}:
            await self._serve(scope, receive, send)
        elif kind == "lifespan":
            await self._purger.run_beside(self.app, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_http = scope["type"] == "http"
        found = self._cookie.find(scope["headers"])
        try:
            session = await self._find(found, scope)
        except StoreUnavailable as fault:
            await _unavailable(fault, is_http, send)
            return
        scope["session"] = session
        scope["sessions"] = {**scope.get("sessions", {}), self._cookie.name: session}

        async def send_with_session(message: Message) -> None:
            if session._started:
                if session._changes:
                    raise LateChange(_NOT_FOLLOWED_UP)
            elif message["type"] in _START:
                await self._commit(session, message, found, scope)
            await send(message)

        try:
            await self.app(scope, receive, send_with_session)
        except StoreUnavailable as fault:
            if session._started:
                raise
            await _unavailable(fault, is_http, send)
            return
        if session._started and session._unsaved():
            raise LateChange(_NOT_FOLLOWED_UP)
        if self._purger.is_due():
            await self._purger.run()

    async def _find(self, found: Found | None, scope: Scope) -> Session:
        if found is None:
            return Session(self._carrier, None)
        try:
            carried = await self._carrier.find(found.value(), time.time())
        except InvalidCookie as fault:
            logger.warning("ignored a cookie %r: %s", self._cookie.name, fault)
            return Session(self._carrier, None)
        except SessionEnded:
            return Session(self._carrier, None, barred=True)
        return Session(self._carrier, carried, prefetch=_is_prefetch(scope["headers"]))

    async def _commit(self, session: Session, message: Message, found: Found | None, scope: Scope) -> None:
        """Save, and put into the response what browser and caches must know."""
        headers = list(message.get("headers", ()))
        failed = message.get("status", 200) >= 500
        try:
            if session._given_up:
                session._tell = False
            else:
                extend = scope["type"] == "http" and (session._accessed or not _is_cacheable(headers))
                await session._commit(extend=extend, keep_flash=failed)
        except SessionEnded as fault:
            logger.warning("changes were not saved: %s", fault)
        except BaseException:
            session._given_up = True
            raise
        cookies = self._set_cookie(session, found, https=scope.get("scheme") in ("https", "wss"))
        if cookies:
            headers += [(b"set-cookie", cookie) for cookie in cookies]
            if not any(name.lower() == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"private"))
        if session._accessed:
            _vary_by_cookie(headers)
        message["headers"] = headers
        session._started = True

    def _set_cookie(self, session: Session, found: Found | None, *, https: bool) -> list[bytes]:
        if not session._tell:
            return []
        numbers = found.numbers if found else ()
        carried = session._carried
        if carried is None:
            return self._cookie.remove(https=https, stale=numbers) if found else []
        now = time.time()
        try:
            return self._cookie.write(
                self._carrier.cookie(carried, now),
                self._carrier.lifetime.max_age(carried.expires_at, now),
                https=https,
                max_bytes=self._carrier.max_bytes,
                stale=numbers,
            )
        except BaseException:
            session._given_up = True
            raise


def _is_prefetch(headers: Headers) -> bool:
    """Whether a browser loads the page on suspicion (Fetch standard, `Sec-Purpose`)."""
    return any(name == b"sec-purpose" and b"prefetch" in value for name, value in headers)


def _is_cacheable(headers: Headers) -> bool:
    """Whether the app wants shared caches to keep this response; then no session's cookie may be on it."""
    for name, value in headers:
        if name.lower() == b"cache-control":
            return not (b"private" in value.lower() or b"no-store" in value.lower())
    return False


def _vary_by_cookie(headers: list[tuple[bytes, bytes]]) -> None:
    for index, (name, value) in enumerate(headers):
        if name.lower() == b"vary":
            fields = [field.strip().lower() for field in value.split(b",")]
            if b"*" not in fields and b"cookie" not in fields:
                headers[index] = (name, value + b", Cookie")
            return
    headers.append((b"vary", b"Cookie"))


async def _unavailable(fault: StoreUnavailable, is_http: bool, send: Send) -> None:
    logger.error("answered that the service is unavailable: %s", fault)
    if not is_http:
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
