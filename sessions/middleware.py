"""A request's way through: cookie in, session, handler, changes, cookie out."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Final

from sessions.carriers import Carrier
from sessions.cookies import Cookie, CookieOptions, Found
from sessions.errors import InvalidCookie, SessionEnded, StoreUnavailable
from sessions.expiry import Duration, Lifetime
from sessions.keys import EncryptionKey, KeyRing
from sessions.purge import Purger
from sessions.session import Session
from sessions.stores import Storage, open_store

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

logger = logging.getLogger("sessions")

RETRY_AFTER: Final = 5
"""Seconds that a client is asked to wait while the store is away."""

INTERNAL_SERVER_ERROR: Final = 500
_SERVED: Final = frozenset({"http", "websocket"})
_SECURE_SCHEMES: Final = frozenset({"https", "wss"})
_VARY_COOKIE: Final = (b"vary", b"Cookie")
_START: Final = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class SessionMiddleware:
    """Gives each http request and websocket a session, `scope["session"]`.

    With several of these in one app, `request.session` belongs to the innermost, and
    `get_session(request, cookie_name)` reaches each.

    Args:
        store: where sessions live: `MemoryStore()`, `SQLiteStore(path)`, `CookieStore()`, your own, or a
            URL that `open_store` understands.
        encryption_key: at least 32 characters, as text or as a `Secret` of Starlette or a `SecretStr` of
            pydantic; a function that returns them; or a list of any, of which the first seals and all open.
            With it ids are sealed too; the cookie store demands it.
        expire_after: idle timeout, in seconds or as a `timedelta`. None: the session ends with the browser.
        absolute_timeout: the age at which a session ends however active it is, likewise.
        auto_extend_expiration: whether each request extends the idle timeout; else only `touch()` does.
        refresh_interval: an extension is written once in this many seconds, not on each request, and
            lasts that much longer in return. By default a twentieth of `expire_after`, at most a minute.
        cookie_options: the cookie's attributes, `CookieOptions(…)` or a mapping of the same names.
        session_cookie_name: prefixes `__Host-` and `__Secure-` are kept to.

    Raises `ValueError` at construction for a key that is too short or one character repeated, a cookie
    store without key, a duration out of range, and cookie settings that browsers reject; `TypeError` for a
    key that is no text.
    """

    def __init__(
        self,
        app: ASGIApp,
        store: Storage | str,
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
        storage = open_store(store) if isinstance(store, str) else store
        self._carrier: Carrier = storage.carrier(lifetime, keys)
        self._rest = self._carrier.lifetime.rest
        self._purger = Purger(self._carrier)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in _SERVED:
            if kind == "lifespan":
                await self._purger.run_beside(self.app, scope, receive, send)
            else:
                await self.app(scope, receive, send)
            return

        found = self._cookie.find(scope["headers"])
        carried, barred = None, False
        if found is not None:
            try:
                if found.fault is not None:
                    raise InvalidCookie(found.fault)
                carried = await self._carrier.find(found.value)
                if carried is None:
                    logger.info("ignored a cookie %r: its session is over or unknown", self._cookie.name)
            except InvalidCookie as fault:
                logger.warning("ignored a cookie %r: %s", self._cookie.name, fault)
            except SessionEnded as fault:
                logger.info("ignored a cookie %r: %s", self._cookie.name, fault)
                barred = True
            except StoreUnavailable as fault:
                await _unavailable(fault, kind, send)
                return
        session = Session(self._carrier, carried, scope["headers"], barred)
        scope["session"] = session
        scope.setdefault("sessions", {})[self._cookie.name] = session

        try:
            await self.app(scope, receive, self._sending(session, found, scope, send))
        except Exception as error:
            # Starlette counts a response as started though its start was not sent. If the app has a handler
            # for our error, another error comes out of that.
            cause = session._fault or error
            if session._started or not isinstance(cause, StoreUnavailable):
                raise
            await _unavailable(cause, kind, send)
            return
        if session._acted and (session._changes or session._lent or session._destroyed):
            # After the start of the response, or on a websocket that was never accepted.
            session._refuse_late_changes()
        # Where the server has no lifespan; after the response, to delay nobody.
        if time.monotonic() >= self._purger.due:
            await self._purger.run()

    def _sending(self, session: Session, found: Found | None, scope: Scope, send: Send) -> Send:
        """What the app sends with: as the response starts, the session is saved and the browser told."""

        async def send_with_session(message: Message) -> None:
            if session._started:
                if session._changes:
                    session._refuse_late_changes()
            elif message["type"] in _START:
                headers = given = message.get("headers", ())
                carried = session._carried
                due = carried is not None and carried.record.expires_at - time.time() <= self._rest
                if (due or session._acted) and session._fault is None:
                    if message.get("status", 200) >= INTERNAL_SERVER_ERROR:
                        _undo(session, message["status"])
                    try:
                        await session._commit(due and _is_activity(session, message))
                        if session._tell:
                            headers = self._telling(session, found, scope, headers)
                    except SessionEnded as fault:
                        logger.warning("changes were not saved: %s", fault)
                    except BaseException as fault:
                        # The app may answer with an error page of its own, which then goes out without them.
                        session._fault = fault
                        raise
                if session._accessed:
                    headers = _varying(headers)
                if headers is not given:
                    # A new message each time: an app may send one and the same dictionary to everybody.
                    message = {**message, "headers": headers}
                session._started = True
            await send(message)

        return send_with_session

    def _telling(self, session: Session, found: Found | None, scope: Scope, headers: Headers) -> Headers:
        """The headers with what browser and caches must know."""
        cookies = self._set_cookie(session, found, https=scope.get("scheme") in _SECURE_SCHEMES)
        if not cookies:
            return headers
        headers = [*headers, *[(b"set-cookie", cookie) for cookie in cookies]]
        if not any(name.lower() == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"private"))
        return headers

    def _set_cookie(self, session: Session, found: Found | None, *, https: bool) -> list[bytes]:
        stale = found.numbers if found else ()
        carried = session._carried
        if carried is None:
            return self._cookie.remove(https=https, stale=stale) if found else []
        value = self._carrier.cookie(carried)
        max_age = self._carrier.lifetime.max_age(carried.record.expires_at, time.time())
        return self._cookie.write(value, max_age, https=https, max_bytes=self._carrier.max_bytes, stale=stale)


def _undo(session: Session, status: int) -> None:
    """Take back what a response that failed must not have done."""
    if status > INTERNAL_SERVER_ERROR:
        session._put_back_flash()
    elif session._discard():  # a framework that runs inside of us answers so for a handler that raised
        logger.warning("changes were not saved: the handler failed")


def _is_activity(session: Session, message: Message) -> bool:
    """Whether the response may extend the session, for which it has to carry a cookie.

    Not where the app wants shared caches to keep it, nor at a websocket.
    """
    if message["type"] != "http.response.start":
        return False
    if session._accessed:
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


async def _unavailable(fault: StoreUnavailable, kind: str, send: Send) -> None:
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
