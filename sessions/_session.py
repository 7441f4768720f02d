"""The session as a handler sees it: a dict of JSON values, with a few verbs and facts beside them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from enum import Enum
from math import inf
from typing import Any, Final, NoReturn, overload

from sessions._asgi import Scope
from sessions._carriers import Carried, Carrier
from sessions._commit import commit, refresh
from sessions._device import DeviceProof, proof_of
from sessions._json import FIXED, accepted_key, checked, decode, encode
from sessions._lifetime import Duration, moment, timeouts
from sessions._record import owner_text
from sessions._templates import own_keys_first
from sessions._work import PLAIN_TYPES, Phase, Standing, Work, one_at_a_time

logger = logging.getLogger("sessions")

Number = int | float

_OPEN: Final = Phase.OPEN
_LIVE: Final = Standing.LIVE
_SURE: Final = frozenset({bool, type(None)})
"""What JSON can hold whatever its value."""
_LARGE: Final = 2**64
"""Below this a whole number needs no check. Python makes no text of one with more than 4,300 digits."""
_MISSING: Any = object()


class Session(dict[str, Any]):
    """`request.session`: a dict of strings to JSON values.

    Reading creates nothing. What a handler changes is saved when its response starts, or by
    `await session.save()`, and not at all if the request fails. Changes are replayed on top of what parallel
    requests saved meanwhile, so that requests which write different keys never undo each other.

    Copies of any kind (`copy()`, `dict(session)`, `session | other`, a pickle) are plain dicts.

    Raises:
        TypeError: a key that is no string, or a value that JSON cannot hold, at the moment it is set.
        LateChange: a change after the response has started that cannot be kept.
    """

    __slots__ = ("_work",)
    _work: Work

    # -- facts -----------------------------------------------------------------------------------------------

    @property
    def accessed(self) -> bool:
        """Whether the handler has looked at the session; then the response varies with the cookie."""
        return self._work.accessed

    @property
    def modified(self) -> bool:
        """Whether the handler has changed the session in this request."""
        return self._work.modified or self._work.has_changes(self)

    @property
    def is_new(self) -> bool:
        """Whether the request came without a valid session."""
        work = self._looked_at()
        return work.born or work.held is None

    @property
    def id(self) -> str | None:
        """The secret that the browser holds; None for an anonymous request and in the cookie store."""
        held = self._looked_at().held
        return held.id if held else None

    @property
    def key(self) -> str | None:
        """What names the session among `Store.sessions_of(owner)`: no secret, it opens nothing."""
        held = self._looked_at().held
        return (held.key or None) if held else None

    @property
    def created_at(self) -> datetime | None:
        """When the session was first saved, or the user last signed in (UTC); None as long as it never was.

        From then on the absolute timeout runs.
        """
        held = self._looked_at().held
        return moment(held.record.created_at if held else inf)

    @property
    def expires_at(self) -> datetime | None:
        """When the session ends unless a request extends it (UTC); None if it is bound to the browser."""
        work = self._looked_at()
        return moment(work.held.record.expires_at if work.held and work.lifetime.told else inf)

    @property
    def owner(self) -> str | None:
        """Whom the session belongs to; None before a login. Set it at the login, to a user's id.

        A change of owner is a login. The session gets a new id, and its absolute timeout begins anew. What
        an anonymous visitor has collected stays. What another owner has left goes, but for what this request
        has set. To set it after the response has started raises `LateChange`.

        A server-side store can then list and end all sessions of that user (`Store.sessions_of`,
        `Store.destroy_all`; OWASP ASVS 5, 7.4 and 7.5).

        Raises `TypeError` for what is no Unicode text, whole number or None, and `ValueError` for a text with
        a NUL character or with more than 10,000 characters.
        """
        return self._looked_at().owner

    @owner.setter
    def owner(self, owner: str | int | None) -> None:
        self._looked_at().own(None if owner is None else owner_text(owner), self)

    @property
    def authenticated_at(self) -> datetime | None:
        """When the user proved last who they are (UTC): at the login, or at `reauthenticate()`.

        For a page that asks for the password again before something important (OWASP ASVS 5, 7.5.3).
        """
        at = self._looked_at().authenticated_at
        return moment(inf if at is None else at)

    @property
    def is_device_bound(self) -> bool:
        """Whether the session is bound to a device: it has the public key of the browser that logged in.

        Experimental, as the W3C draft that it follows is (Device Bound Session Credentials).
        """
        device = self._looked_at().device
        return device is not None and device.is_bound

    @property
    def device_proof(self) -> DeviceProof | None:
        """When the device proved last that it has its key, and until when that holds.

        None for a session that is bound to no device. Experimental.
        """
        proof = self._looked_at().proof if self.is_device_bound else None
        return None if proof is None else proof_of(*proof)

    # -- reading ---------------------------------------------------------------------------------------------

    def mark_accessed(self) -> None:
        """Note that the response depends on the session. Starlette calls it for `request.session`."""

    def mark_modified(self) -> None:
        """Note that the handler has changed the session. Starlette's needs it after a change in place."""
        self._looked_at().modified = True

    def is_flash(self, key: str) -> bool:
        """Whether the key holds a flash value that was not read yet."""
        return key in self._work.flash

    def __getitem__(self, key: str) -> Any:
        """The value. A flash value is gone afterwards."""
        value = dict.__getitem__(self, key)
        if self._work.flash:
            self._read_flash(key, value)
        return value

    def get(self, key: str, default: Any = None, /) -> Any:
        """The value, or the default. A flash value is gone afterwards."""
        value = dict.get(self, key, default)
        if self._work.flash and key in self:
            self._read_flash(key, value)
        return value

    def _read_flash(self, key: str, value: Any) -> None:
        """One read is what a flash value lives for; a speculative request is not a reader yet."""
        work = self._work
        if key in work.flash and not work.is_prefetch():
            work.check()
            dict.pop(self, key, None)
            work.use_up(key, value)

    def _looked_at(self) -> Work:
        return self._work

    # -- changing --------------------------------------------------------------------------------------------

    def __setitem__(self, key: str, value: Any) -> None:
        work = self._work
        kind = type(value)
        if (
            (kind not in _SURE and (kind is not int or not -_LARGE < value < _LARGE))
            or type(key) is not str
            or key not in self
        ):
            checked(key, value)
            key = accepted_key(key)
            if kind not in PLAIN_TYPES:
                work.nested = True
        if work.phase is not _OPEN:
            work.check()
        # The value first and the note then: a commit between the two, by another thread, saves it twice
        # and never not at all.
        dict.__setitem__(self, key, value)
        work.assign(key)

    def __delitem__(self, key: str) -> None:
        """Raises `KeyError` when there is no such key; `forget` does not."""
        if key not in self:
            raise KeyError(key)
        self._work.check()
        dict.pop(self, key, None)
        self._work.assign(key)

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def flash(self, key: str, value: Any) -> None:
        """Set a value that is there for exactly one read."""
        checked(key, value)
        key = accepted_key(key)
        self._work.check()
        self._work.nested = self._work.nested or type(value) not in PLAIN_TYPES
        dict.__setitem__(self, key, value)
        self._work.assign_flash(key)

    def forget(self, key: str) -> None:
        """Remove the key if there is one."""
        if key in self:
            del self[key]

    def setdefault(self, key: str, default: Any = None, /) -> Any:
        if key not in self:
            self[key] = default
            return default
        return self[key]

    @overload
    def pop(self, key: str, /) -> Any: ...
    @overload
    def pop(self, key: str, default: Any, /) -> Any: ...
    def pop(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, key: str, default: Any = _MISSING, /
    ) -> Any:
        """Remove the key and return its value. A flash value that a prefetch pops stays for the reader."""
        if key not in self:
            if default is _MISSING:
                raise KeyError(key)
            return default
        value = self[key]
        if not self.is_flash(key):
            self.forget(key)
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the key that was set last, and return it with its value."""
        for key in reversed(self):
            value = dict.__getitem__(self, key)
            self.forget(key)
            return key, value
        raise KeyError("popitem(): dictionary is empty")

    @overload  # type: ignore[override]
    def update(self, key: str, function: Callable[[Any], Any], /) -> Any: ...
    @overload
    def update(self, other: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **values: Any) -> None: ...
    def update(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, other: Any = (), function: Any = None, /, **values: Any
    ) -> Any:
        """`update(key, function)` changes one value, exactly, however many requests do so at once.

        The function gets the current value (None if there is none) and returns the next one, which is
        also the result. It may be called again if another request or thread was faster, so it should do
        nothing else. Without a function this is the `update` of every dict.
        """
        if callable(function):
            return self._update_by(accepted_key(other), function)
        values = dict(other, **values)
        for key, value in values.items():  # all or nothing
            checked(key, value)
        for key, value in values.items():
            self[key] = value
        return None

    def __ior__(self, other: Any, /) -> Session:  # type: ignore[override,misc]
        self.update(other)
        return self

    def increment(self, key: str, by: Number = 1) -> Any:
        """Add to a number, exactly under parallel requests; a missing one counts as 0. The new number.

        Raises `TypeError` if the value is not a number.
        """
        if isinstance(by, bool) or not isinstance(by, int | float):
            raise TypeError(f"increment by a number, not by {type(by).__name__}")

        def add(value: Any) -> Any:
            if value is None:
                return by
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"session[{key!r}] is not a number")
            return value + by

        return self.update(key, add)

    def _update_by(self, key: str, function: Callable[[Any], Any]) -> Any:
        work = self._work
        work.noting()
        while True:
            before = dict.get(self, key)
            # The function gets a copy: if it fails half-way it leaves no half behind.
            text = None if isinstance(before, FIXED) else encode(before)
            value = function(before if text is None else decode(text))
            result = checked(key, value)
            if not isinstance(value, FIXED):
                value = decode(result)
            with one_at_a_time:
                unchanged = dict.get(self, key) is before and (text is None or encode(before) == text)
                if unchanged:
                    work.apply(key, function, before, result)
                    work.nested = work.nested or type(value) not in PLAIN_TYPES
                    dict.__setitem__(self, key, value)
                    return value

    # -- its life --------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Extend the session to its full idle timeout from now, also without automatic extension.

        After the response has started (a stream, a websocket) follow it up with `save()`: the server then
        keeps the session, and the browser learns of it with its next request.
        """
        self._looked_at().touch()

    def reauthenticate(self) -> None:
        """Note that the user has just proved again who they are, for example by the password.

        The session gets a new id, its absolute timeout begins anew, and `authenticated_at` is now.
        """
        self._looked_at().log_in(authenticated=True)

    def rotate(self) -> None:
        """Give the session a new id and keep its data: against session fixation, at each change of rights.

        A change of `owner`, or of a key among the middleware's `login_keys`, does so by itself. With the
        cookie store there is no id and nothing changes.
        """
        self._looked_at().rotate()

    def set_lifetime(self, expire_after: Duration | None, absolute_timeout: Duration | None = None) -> None:
        """Give this session timeouts of its own, in seconds or as a `timedelta`: "remember me".

        They hold from now on, instead of the middleware's, through changes of id and logins, until it ends or
        `reset_lifetime()`. The absolute timeout counts from the session's birth, or the last login. With
        neither, the session ends with the browser.

        Raises `ValueError` for a duration that is not positive or over 400 days, `TypeError` for what is
        none, and `LateChange` after the response has started.
        """
        self._looked_at().set_timeouts(timeouts(expire_after, absolute_timeout))

    def reset_lifetime(self) -> None:
        """Let the middleware's timeouts hold for this session again. Raises `LateChange`."""
        self._looked_at().set_timeouts(None)

    def destroy(self) -> None:
        """End the session and remove its cookie. What is set afterwards starts a new one.

        It holds whatever becomes of the response.
        """
        self._looked_at().dismiss()
        dict.clear(self)

    def clear(self) -> None:
        """The same as `destroy`: in an app that was written for Starlette's sessions this is the logout."""
        self.destroy()

    async def save(self) -> None:
        """Save now, instead of when the response starts.

        After that moment (streams, background tasks, websockets) this is the only way, and only
        server-side stores can.

        Raises:
            LateChange: the browser would have to be told of the change, and it is too late for that.
            SessionEnded: another request ended the session meanwhile; the changes are not kept.
            SessionTooLarge: the session is larger than the store's `max_bytes`; the changes are still to be
                saved, and the store has what it had. With the cookie store `CookieTooLarge`, likewise.
            StoreUnavailable: the store is away; the changes are still to be saved.
        """
        work = self._looked_at()
        await commit(work, self, extend=work.phase is _OPEN and work.extends, asked=True)

    async def refresh(self) -> None:
        """Read the session again: on a long connection, to see what other requests have done.

        What is not saved yet stays as it is. With the cookie store only the expiry is looked at.

        Raises `SessionEnded` when the session is over or got a new id, and `StoreUnavailable`.
        """
        await refresh(self._looked_at(), self)

    # -- copies are plain ------------------------------------------------------------------------------------

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return dict, (dict(self),)

    @classmethod
    def fromkeys(cls, *_: Any) -> NoReturn:
        raise TypeError("a session is made by the middleware; dict.fromkeys() makes a plain dict")

    def __repr__(self) -> str:
        # Sessions end up in tracebacks and logs; their values must not.
        return f"<Session with {dict.__len__(self)} keys>"

    __sentry_repr__ = __repr__  # Sentry would show a mapping's values

    def __rich_repr__(self) -> Iterable[str]:
        """For rich, likewise."""
        return (f"{dict.__len__(self)} keys",)


_AS_IN_STARLETTE: Final = ("accessed", "modified", "mark_accessed", "mark_modified")
own_keys_first(
    Session,
    names=[
        name
        for name in vars(Session)
        if not (name.startswith("_") or hasattr(dict, name) or name in _AS_IN_STARLETTE)
    ],
    hidden="id",
)


class NotRead:
    """Stands in a session for its values until somebody looks. What cannot look, such as an encoder that
    reads a dict's memory, raises an error that names this class: give it `get_session(…)`, or a copy."""


_NOT_READ: Final = {"": NotRead()}


class _Unseen(Session):
    """A session that nobody has looked at. Whatever looks at it makes it a plain `Session` first.

    So a response whose handler did not look can be cached for everybody, a session costs nothing more per
    look, and nothing at all without one. (`Session` itself must leave `__iter__` to `dict`: with one of its
    own, `dict(session)` would read key by key, and use flash values up.)
    """

    __slots__ = ()

    def _looked_at(self) -> Work:
        work = self._work
        if work.unread:
            work.read(self)
        work.accessed = True
        self.__class__ = Session  # type: ignore[assignment]
        return work

    mark_accessed: Any = _looked_at  # without a call of its own, as Starlette makes one for each look

    def is_flash(self, key: str) -> bool:
        return key in self._looked_at().flash

    @property
    def accessed(self) -> bool:
        return False

    @property
    def modified(self) -> bool:
        return False


def _look_first(name: str) -> Callable[..., Any]:
    def method(self: _Unseen, *arguments: Any, **named: Any) -> Any:
        self.mark_accessed()
        return getattr(Session, name)(self, *arguments, **named)

    method.__name__ = name
    return method


LOOKS: Final = (
    *("__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__reversed__", "__len__"),
    *("__eq__", "__ne__", "__or__", "__ror__", "__ior__", "__copy__", "__deepcopy__", "__reduce_ex__"),
    *("get", "keys", "values", "items", "copy", "setdefault", "pop", "popitem", "update"),
    *("set", "flash", "forget", "increment"),
)
for _name in LOOKS:
    setattr(_Unseen, _name, _look_first(_name))
_Unseen.__hash__ = None


_bind: Final = vars(Session)["_work"].__set__


def open_session(
    carrier: Carrier,
    scope: Scope,
    login_keys: Collection[str],
    report: Callable[..., None],
    carried: Carried | None,
    *,
    at_once: bool,
    extends: bool = True,
) -> tuple[Session, Work]:
    """The session of a request, as nobody has looked at it yet.

    `at_once`: read the values now. For apps that may give the dict to an encoder which cannot look, and for
    what does not begin with `PLAIN`.
    """
    headers, scheme = scope["headers"], scope.get("scheme", "http")
    if carried is None:
        work, session = Work(carrier, headers, scheme, login_keys, report), _Unseen()
        _bind(session, work)
        return session, work
    work = Work(carrier, headers, scheme, login_keys, report, carried, carried, _LIVE, False, True, extends)
    session = _Unseen(_NOT_READ)
    _bind(session, work)
    if at_once:
        work.read(session)
        if work.flash:
            # An iteration over an unseen session could not tell a look at the whole from a read of each key.
            session.mark_accessed()
    return session, work


def replace_values(session: Session, other: object) -> None:
    """Hear of what the app has put in the session's place, `scope["session"] = …`.

    Another mapping's content becomes the session's, an empty one ends it, and so does a mere marker for
    "no session": None, a class, or a member of an enum, as Litestar's `Empty` is. Raises `TypeError` for
    anything else, and for what JSON cannot hold.
    """
    if other is None or isinstance(other, type | Enum):
        other = {}
    if not isinstance(other, Mapping):
        raise TypeError(f'scope["session"] is a {type(other).__name__}: put a mapping there')
    if not other:
        session.destroy()
        return
    same = {key for key in other if key in session and encode(dict.get(session, key)) == encode(other[key])}
    session.update({key: value for key, value in other.items() if key not in same})
    for key in [key for key in session if key not in other]:
        session.forget(key)
