"""The way in: cookie, carrier, session, app."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any, Final

from sessions._asgi import ASGIApp, Message, Receive, Scope, Send
from sessions._binding import Binding, DeviceBinding
from sessions._carriers import Carried, Carrier, SealedByOlderKey
from sessions._cookie import Cookie, CookieOptions
from sessions._cookie_header import Found
from sessions._devices import Devices, NotProved, with_proof
from sessions._events import Event, Reporter, nobody_listens
from sessions._excluded import Exclude, Excluded, excluding
from sessions._keys import EncryptionKey, KeyRing, Purpose
from sessions._lifetime import Duration, Lifetime
from sessions._moving import Brought, Moving
from sessions._new_seal import NewSeal, with_new_seal
from sessions._purge import Purger
from sessions._record import PLAIN, moved_to
from sessions._response import STARTS, Exchange, unavailable
from sessions._second_cookies import only_living, without_second_cookies, without_useless_pieces
from sessions._session import Session, open_session
from sessions._work import Work
from sessions.errors import InvalidCookie, StoreUnavailable
from sessions.moving._old_cookie import OldCookie
from sessions.stores import Storage, Store, open_store
from sessions.stores.encrypted import finds_by_owner

logger = logging.getLogger("sessions")

LOGIN_KEYS: Final = ("user", "user_id", "username", "token", "auth", "_user_id", "_auth_user_id")
"""Where apps and libraries write who is signed in: sqladmin and starlette-admin (`token`, `username`),
Authlib's examples (`user`), FastHTML's (`auth`), starlette-login (`_user_id`), Django (`_auth_user_id`)."""

_SERVED: Final = frozenset({"http", "websocket"})


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
        anonymous_expire_after: a shorter idle timeout for sessions that have no owner, likewise: a visitor
            who comes once and never again takes no room for weeks. At the login `expire_after` begins.
        absolute_timeout: the age at which a session ends however active it is, likewise.
        auto_extend_expiration: whether each request extends the idle timeout; else only `touch()` does.
        refresh_interval: an extension is written once in this many seconds, not on each request, and
            lasts that much longer in return. By default a twentieth of `expire_after`, at most a minute.
        cookie_options: the cookie's attributes, `CookieOptions(…)` or a mapping of the same names.
        max_sessions: how many sessions an owner may have. A login beyond that ends the one that was logged
            in first. None: any number.
        session_cookie_name: prefixes `__Host-` and `__Secure-` are kept to. A session is good for the cookie
            name that it was begun under, and for no other.
        login_keys: keys of which a change gives the session a new id, because it is a login or a logout: for
            apps that write `session["user"]` and call no `rotate()`. `LOGIN_KEYS` by default.
        realm: a word that sets this app's sessions apart from another app's that has the same store or key
            and the same cookie name. Other sessions than this realm's are unknown here.
        on_event: called with an `Event` when a session began, got a new id or ended, and when a cookie was
            refused: for metrics and audit. It should be quick. What it raises is logged.
        exclude: paths without a session, such as `["/static/", "/health"]`, or a function of the scope that
            tells. Their requests cost no store, extend nothing, and raise `LookupError` at a look. A path
            that ends with a slash stands for all below it. `root_path` is no part of it.
        is_activity: a function of the scope that is false for requests that do not extend the session, such
            as a poll that the browser sends by itself. By default each request extends.
        adopt: cookies of another library, from `sessions.moving`, such as `[StarletteCookie(SECRET_KEY)]`. A
            browser that comes with one, and with no session of ours, goes on with that session.
        device_binding: `DeviceBinding()` binds each session to the device that logged in, in browsers that
            can: a cookie that is taken from there opens the session for some minutes at most. Experimental.

    Raises `ValueError` at construction for a key that is too short, one character repeated or printed in a
    manual, a cookie store without key or with device binding, a duration out of range, a realm for a cookie
    that is shared with another library, and cookie settings that browsers reject; `TypeError` for a key or a
    realm that is no text and a store that is none.
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
        anonymous_expire_after: Duration | None = None,
        max_sessions: int | None = None,
        login_keys: Collection[str] = LOGIN_KEYS,
        realm: str = "",
        on_event: Callable[[Event], None] | None = None,
        exclude: Exclude = (),
        is_activity: Callable[[Scope], bool] | None = None,
        adopt: Collection[OldCookie] = (),
        device_binding: DeviceBinding | None = None,
    ) -> None:
        keys = None if encryption_key is None else KeyRing(encryption_key)
        lifetime = Lifetime.of(
            expire_after, absolute_timeout, auto_extend_expiration, refresh_interval, anonymous_expire_after
        )
        self.app = app
        options = CookieOptions.of(cookie_options)
        self._cookie = Cookie(session_cookie_name, options)
        storage, purpose = _storage(store), Purpose.checked(session_cookie_name, realm)
        self._carrier: Carrier = storage.carrier(lifetime, keys, purpose)
        self._carrier.max_sessions = _checked_number(max_sessions, storage)
        self._purger = Purger(self._carrier)
        self._moving = Moving(adopt, self._carrier) if adopt else None
        self._report = Reporter(session_cookie_name, on_event)
        self._is_activity = is_activity
        self._login_keys = frozenset(_collection(login_keys))
        self._devices: Devices | None = None
        if device_binding is not None:
            binding = Binding(_checked_binding(device_binding, app), purpose, options, exclude)
            self._devices = self._bound(binding)
        self._cookie_of = self._by_request(self._without_session(excluding(exclude)))
        self._says_so = _says_when_it_looks(app)

    @property
    def cookie_name(self) -> str:
        return self._cookie.name

    @property
    def device_path(self) -> str | None:
        """Where browsers bind sessions to devices; None if they do not."""
        return None if self._devices is None else self._devices.binding.options.path

    def cookie_path(self, scope: Scope) -> str:
        """The `Path` of the cookie that this request would get."""
        of_request = self._cookie.of_request
        return (of_request(scope) if of_request else self._cookie).path

    def around(self, app: ASGIApp, *, only_looks: bool = False) -> SessionMiddleware:
        """The same middleware around another app, which has a session whatever the path.

        With `only_looks` its requests extend no session and tell `on_event` nothing. This is how
        `sessions.testing` reaches an app's sessions.
        """
        other = copy(self)
        # No proof of a device either: a test has the store, and can have no key of a browser's.
        cookie_of = self._by_request(None)
        vars(other).update(app=app, _cookie_of=cookie_of, _is_activity=None, _devices=None)
        if only_looks:
            vars(other).update(_is_activity=_never, _report=nobody_listens)
        return other

    def _bound(self, binding: Binding) -> Devices:
        """Raises `ValueError` for a store that cannot."""
        carrier = self._carrier
        if not carrier.on_server:
            raise ValueError(
                "device_binding needs a server-side store: with the cookie store whoever has the cookie has"
                " the session"
            )
        carrier.binding = binding
        return Devices(
            binding, carrier, self._cookie, self._login_keys, self._report, is_activity=self._is_activity
        )

    def _without_session(self, excludes: Callable[[Scope], bool] | None) -> Callable[[Scope], bool] | None:
        """The function that tells whether a request has no session: the endpoint's have none either."""
        if self._devices is None:
            return excludes
        is_endpoint = self._devices.binding.is_endpoint
        return lambda scope: is_endpoint(scope) or (excludes is not None and excludes(scope))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        cookie = self._cookie
        if scope["type"] not in _SERVED or (
            self._cookie_of is not None and (cookie := self._cookie_of(scope)) is None
        ):
            await self._pass_on(scope, receive, send)
            return
        carrier, headers = self._carrier, scope["headers"]
        headers = headers if type(headers) is list else _listed(scope)
        found = cookie.find(headers)
        carried, at_once, fault, opening = None, False, None, open_session
        if found is not None:
            try:
                carried = await (carrier.find(found.value) if found.value else only_living(carrier, found))
                at_once = not (self._says_so or _says_when_it_looks(scope.get("app")))
            except (InvalidCookie, SealedByOlderKey, StoreUnavailable) as error:
                fault = error
        if (found is not None or self._moving is not None) and (
            carried is None or not carried.record.payload.startswith(PLAIN)
        ):
            at_once = True
            unusual = await self._unusual(cookie, scope, receive, send, found, carried, fault)
            if unusual is None:
                return
            carried, opening, send = unusual
            fault = None  # its traceback holds on to this call
        extends = self._is_activity is None or self._is_activity(scope)
        session, work = opening(
            carrier, scope, self._login_keys, self._report, carried, at_once=at_once, extends=extends
        )
        scope["session"] = session
        scope.setdefault("sessions", {})[cookie.name] = session
        if found is not None and found.doubled:
            send = _changing(partial(without_second_cookies, cookie, found, scope), send)
        exchange = Exchange(session, work, cookie, found, scope, send)
        try:
            await self.app(scope, receive, exchange.send)
        except BaseException as error:
            if await exchange.fail(error, receive):
                return
            raise
        finally:
            work.fault = None  # its traceback holds on to this work
        exchange.finish()
        # Where the server has no lifespan; after the response, to delay nobody.
        if time.monotonic() >= self._purger.due:
            await self._purger.run()

    def _by_request(self, excludes: Callable[[Scope], bool] | None) -> Callable[[Scope], Any] | None:
        """The function that gives a request its `Cookie`, or None if its path is excluded.

        None in place of a function if all requests have the same cookie.
        """
        cookie, of_request = self._cookie, self._cookie.of_request
        if excludes is None:
            return of_request

        def cookie_of(scope: Scope) -> Cookie | None:
            if excludes(scope):
                return None
            return of_request(scope) if of_request else cookie

        return cookie_of

    async def _unusual(
        self,
        cookie: Cookie,
        scope: Scope,
        receive: Receive,
        send: Send,
        found: Found | None,
        carried: Carried | None,
        fault: InvalidCookie | SealedByOlderKey | StoreUnavailable | None,
    ) -> tuple[Carried | None, Callable[..., tuple[Session, Work]], Send] | None:
        """A request without a living session of ours, or whose session has a newer id, flash values or an
        older seal.

        Its session, what opens it, and what the response is sent with; None if the request was answered.
        """
        if isinstance(fault, SealedByOlderKey):
            carried = fault.carried
        try:
            brought, proof = await self._looked_for(cookie, scope, found, carried, fault)
        except NotProved as unproved:
            logger.info("ignored a cookie %r: its session is bound to a device", cookie.name)
            await unproved.serve(self.app, cookie, found, scope, receive, send)
            return None
        except StoreUnavailable as away:
            await unavailable(away, scope["type"], send)
            return None
        opening = with_proof(proof, open_session if brought is None else brought.open)
        if isinstance(fault, SealedByOlderKey) and found is not None:
            self._log_found(fault.carried)
            new_seal = NewSeal(self._carrier, fault.carried, cookie, found, scope)
            return fault.carried, opening, with_new_seal(new_seal, send)
        if fault is not None and found is not None:
            send = _changing(partial(without_useless_pieces, cookie, found, scope), send)
        if brought is None or not brought.explains(cookie.name):
            self._log(found, carried, fault)
        if brought is not None and brought.is_refused:
            self._report("refused", reason="it is another library's, and was not adopted")
        if brought is None:
            return carried, opening, send
        if brought.carried is not None:
            self._log_found(brought.carried)
        return brought.carried, opening, _changing(partial(brought.without_old_cookies, scope), send)

    async def _looked_for(
        self,
        cookie: Cookie,
        scope: Scope,
        found: Found | None,
        carried: Carried | None,
        fault: InvalidCookie | SealedByOlderKey | StoreUnavailable | None,
    ) -> tuple[Brought | None, tuple[float, float] | None]:
        """What the request has brought of other libraries' sessions, and the proof of its device.

        Raises `StoreUnavailable`, and `NotProved` if a proof is missing.
        """
        brought = proof = None
        if isinstance(fault, StoreUnavailable):
            raise fault
        if carried is None and self._moving is not None:
            has_ours = found is not None and fault is None
            brought = await self._moving.find(scope["headers"], cookie, has_ours=has_ours)
        if self._devices is not None:
            proof = await self._devices.proof(scope, carried if brought is None else brought.carried)
        return brought, proof

    def _log(self, found: Found | None, carried: Carried | None, fault: Exception | None) -> None:
        """Say why the request's cookie is of no use, if so."""
        if fault is not None:
            logger.warning("ignored a cookie %r: %s", self._cookie.name, fault)
            self._report("refused", reason=str(fault))
        elif found is not None:
            self._log_found(carried)

    def _log_found(self, carried: Carried | None) -> None:
        reason = None
        if carried is None:
            reason = "its session is over or unknown"
        elif moved_to(carried.record.payload) is not None:
            reason = "its session has a newer id"
        if reason is not None:
            logger.info("ignored a cookie %r: %s", self._cookie.name, reason)
            self._report("refused", reason=reason)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is neither a request nor a websocket, or has no session."""
        if scope["type"] == "lifespan":
            await self._purger.run_beside(self.app, scope, receive, send)
            return
        if self._devices is not None and self._devices.binding.is_endpoint(scope):
            await self._devices.endpoint(scope, receive, send)
            return
        if scope["type"] in _SERVED:
            scope["session"] = Excluded()
        await self.app(scope, receive, send)


_frameworks: Final[dict[type[Any], bool]] = {}


def _says_when_it_looks(app: object) -> bool:
    """Whether the framework of this app asks for the session by `request.session` of Starlette's.

    That says that somebody looks. Elsewhere the dict may be used as it is, by an encoder that reads its
    memory, so that its values must be there from the beginning.
    """
    kind = type(app)
    if kind not in _frameworks:
        _frameworks[kind] = any(base.__module__.startswith("starlette.") for base in kind.__mro__)
    return _frameworks[kind]


def _listed(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The request's headers, which a server may give as something that can be gone through only once."""
    headers = scope["headers"] = [*scope["headers"]]
    return headers


def _never(scope: Scope) -> bool:
    return False


def _changing(start: Callable[[Message], Message], send: Send) -> Send:
    """What the response is sent with if something is to be added to its start."""

    async def send_changed(message: Message) -> None:
        await send(start(message) if message["type"] in STARTS else message)

    return send_changed


def _checked_binding(options: DeviceBinding, app: object) -> DeviceBinding:
    """Raises `TypeError` for other options, and `ValueError` if a middleware inside has the same path."""
    if not isinstance(options, DeviceBinding):
        raise TypeError(f"device_binding is a DeviceBinding(…), not {type(options).__name__}")
    while app is not None:
        if isinstance(app, SessionMiddleware) and app.device_path == options.path:
            raise ValueError(f"two middlewares bind devices at {options.path!r}: give each a path of its own")
        app = getattr(app, "app", None)
    return options


def _collection(login_keys: Collection[str]) -> Collection[str]:
    """Raises `TypeError` for a single text, whose letters would be the keys, and for keys of another type."""
    if isinstance(login_keys, str) or not all(isinstance(key, str) for key in login_keys):
        raise TypeError("login_keys is a collection of strings, for example ('user',)")
    return login_keys


def _storage(store: Storage | str) -> Storage:
    """Raises `TypeError` for what is no store."""
    if isinstance(store, str):
        return open_store(store)
    if isinstance(store, type):
        raise TypeError(f"store is the class {store.__name__}: give an object of it, {store.__name__}(…)")
    if not hasattr(store, "carrier"):
        kind = type(store).__name__
        raise TypeError(
            f"store is of type {kind}: give a store such as MemoryStore(), or a URL such as 'memory:'"
        )
    return store


def _checked_number(max_sessions: int | None, store: Storage) -> int | None:
    """Raises `ValueError` for a number that the store cannot keep to, and `TypeError` for what is none."""
    if max_sessions is None:
        return None
    if isinstance(max_sessions, bool) or not isinstance(max_sessions, int):
        raise TypeError(f"max_sessions is a whole number, not {type(max_sessions).__name__}")
    if max_sessions < 1:
        raise ValueError("max_sessions must be at least 1")
    if not isinstance(store, Store) or not finds_by_owner(store):
        raise ValueError("max_sessions needs a server-side store that finds sessions by their owner")
    return max_sessions
