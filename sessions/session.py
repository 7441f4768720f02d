"""The session as a handler sees it: a mapping that remembers what was done to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from math import inf, isinf
from random import random
from typing import Any, Final, overload

import anyio

from sessions.carriers import Carried, Carrier
from sessions.changes import Change, Clear, Consume, Forget, Own, Set, Update, replay
from sessions.errors import LateChange, SessionEnded, WriteConflict
from sessions.jsonvalues import checked, encode
from sessions.record import Content, Record, unpack

Number = int | float
_MUTABLE = (dict, list, tuple)
"""What may change in place; a tuple by what is in it."""
_FIXED = frozenset({str, int, float, bool, type(None)})
"""What cannot change in place."""
_SURE = frozenset({int, bool, type(None)})
"""What JSON can hold whatever its value."""
_MISSING: Any = object()

MAX_TRIES: Final = 64
"""How often a save is tried on top of what other requests saved in between."""


class Session(MutableMapping[str, Any]):
    """`request.session`: a mapping of strings to JSON values.

    Reading creates nothing. What a handler changes is saved when its response starts, or by
    `await session.save()`, and not at all if the handler raises first. Changes are replayed on top of
    what parallel requests saved meanwhile, so that requests which write different keys never undo
    each other.

    Raises:
        TypeError: a key that is no string, or a value that JSON cannot hold, at the moment it is set.
        LateChange: a change after the response has started that cannot be kept.
    """

    # A request makes one of these whether or not its handler looks.
    __slots__ = (
        "_accessed",
        "_acted",
        "_barred",
        "_born",
        "_carried",
        "_carrier",
        "_changes",
        "_content",
        "_destroyed",
        "_fault",
        "_headers",
        "_lent",
        "_rotate",
        "_saved",
        "_saving",
        "_started",
        "_tell",
        "_touch",
    )

    def __init__(
        self,
        carrier: Carrier,
        carried: Carried | None,
        headers: Iterable[tuple[bytes, bytes]] = (),
        barred: bool = False,
    ) -> None:
        """Made by the middleware.

        `barred` is a request that came with an id which was rotated a moment ago; it may set no cookie.
        """
        self._carrier = carrier
        self._carried = carried
        self._headers = headers
        self._barred = barred
        self._content: Content | None = None
        self._changes: list[Change] = []
        # Nested values that the handler holds and may change in place: their JSON text before.
        self._lent: dict[str, bytes] = {}
        self._destroyed: Sequence[Carried | None] = ()
        self._accessed = False
        # Whether the handler did more than look.
        self._acted = False
        self._born = self._rotate = self._touch = False
        # Whether the browser must learn with the response what session it is to carry from then on.
        self._tell = False
        self._started = False
        # Why the response's changes could not be saved; then no further try is made.
        self._fault: BaseException | None = None
        self._saving = False
        # For whom waits until a save of another task is done.
        self._saved: anyio.Event | None = None

    # -- facts -----------------------------------------------------------------------------------

    @property
    def is_new(self) -> bool:
        """Whether the request came without a valid session."""
        return self._born or self._carried is None

    @property
    def id(self) -> str | None:
        """The secret that the browser holds; None for an anonymous request and in the cookie store."""
        return self._carried.id if self._carried else None

    @property
    def key(self) -> str | None:
        """What names the session among `Store.sessions_of(owner)`: no secret, it opens nothing."""
        return (self._carried.key or None) if self._carried else None

    @property
    def created_at(self) -> datetime | None:
        """When the session was first saved (UTC); None as long as it never was."""
        return _moment(self._carried.record.created_at if self._carried else inf)

    @property
    def expires_at(self) -> datetime | None:
        """When the session ends unless a request extends it (UTC); None if it is bound to the browser."""
        carried = self._carried
        return _moment(carried.record.expires_at if carried and self._carrier.lifetime.told else inf)

    # -- reading ---------------------------------------------------------------------------------

    def mark_accessed(self) -> None:
        """Note that the response depends on the session. Starlette calls it for `request.session`."""
        self._accessed = True

    def __getitem__(self, key: str) -> Any:
        content = self._content or self._open()
        value = content.data[key]
        if content.flash and key in content.flash and not self._is_prefetch():
            # One read is what a flash value lives for; a speculative request is not a reader yet.
            self._note_in_place(key)
            self._change(Consume(key, encode(value)))
            content.forget(key)
        elif isinstance(value, _MUTABLE) and key not in self._lent:
            self._lend(key, value)
        return value

    def get(self, key: str, default: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The value, or the default. A flash value is gone afterwards."""
        content = self._content or self._open()
        value = content.data.get(key, default)
        if type(value) in _FIXED and not content.flash:
            return value
        return self[key] if key in content.data else default

    def __contains__(self, key: object) -> bool:
        """Whether there is such a key. Looking does not use up a flash value."""
        return key in self._open().data

    def __iter__(self) -> Iterator[str]:
        """The keys, those of flash values too, as they are now."""
        return iter(list(self._open().data))

    def __len__(self) -> int:
        return len(self._open().data)

    def is_flash(self, key: str) -> bool:
        """Whether the key holds a flash value that was not read yet."""
        return key in self._open().flash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Session):
            return self is other
        return self._open().data == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        # Sessions end up in tracebacks and logs; their values must not.
        if self._content is None:
            return "<Session, not looked at>"
        return f"<Session with {len(self._content.data)} keys>"

    @property
    def owner(self) -> str | None:
        """Whom the session belongs to; None before a login. Set it at the login, to a user's id.

        A server-side store can then list and end all sessions of that user (`Store.sessions_of`,
        `Store.destroy_all`; OWASP ASVS 5, 7.4 and 7.5).
        """
        return self._open().owner

    @owner.setter
    def owner(self, owner: str | int | None) -> None:
        if isinstance(owner, bool) or not isinstance(owner, str | int | None):
            raise TypeError(f"an owner is a string or a number, not {type(owner).__name__}")
        owner = None if owner is None else str(owner)
        checked("owner", owner)
        self._change(Own(owner))
        self._open().owner = owner

    # -- changing --------------------------------------------------------------------------------

    def __setitem__(self, key: str, value: Any) -> None:
        content = self._content or self._open()
        usual = not (self._lent or content.flash or self._started)
        if usual and type(value) in _SURE and type(key) is str and key in content.data:
            # A counter, most often: nothing to check, neither at the value nor at a key that has passed.
            self._acted = True
            self._changes.append(Set(key, value))
            content.data[key] = value
        else:
            self._set(key, value)

    def __delitem__(self, key: str) -> None:
        """Raises `KeyError` when there is no such key; `forget` does not."""
        if key not in self._open().data:
            raise KeyError(key)
        self.forget(key)

    @overload
    def pop(self, key: str, /) -> Any: ...
    @overload
    def pop(self, key: str, /, default: Any) -> Any: ...
    def pop(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, key: str, /, default: Any = _MISSING
    ) -> Any:
        """Remove the key and return its value. A flash value that a prefetch pops stays for the reader."""
        try:
            value = self[key]
        except KeyError:
            if default is _MISSING:
                raise
            return default
        if not self.is_flash(key):
            self.forget(key)
        return value

    def popitem(self) -> tuple[str, Any]:
        for key in self:
            value = self[key]
            self.forget(key)
            return key, value
        raise KeyError("the session is empty")

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def flash(self, key: str, value: Any) -> None:
        """Set a value that is there for exactly one read."""
        self._set(key, value, flash=True)

    def forget(self, key: str) -> None:
        """Remove the key if there is one."""
        if key not in self._open().data:
            return
        self._change(Forget(key))
        self._lent.pop(key, None)
        self._open().forget(key)

    def clear(self) -> None:
        """Remove all keys. The session and its id stay; `destroy` ends it."""
        if self._open().data:
            self._change(Clear())
            self._lent = {}
            self._open().data.clear()
            self._open().flash.clear()

    @overload  # type: ignore[override]
    def update(self, key: str, function: Callable[[Any], Any], /) -> Any: ...
    @overload
    def update(self, other: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **values: Any) -> None: ...
    def update(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, other: Any = (), function: Any = None, /, **values: Any
    ) -> Any:
        """`update(key, function)` changes one value, exactly, however many requests do so at once.

        The function gets the current value (None if there is none) and returns the next one, which is
        also the result. It may be called again if another request was faster, so it should do nothing
        else. Without a function this is the `update` of every mapping.
        """
        if not callable(function):
            super().update(other, **values)
            return None
        key = str.__str__(other) if isinstance(other, str) else other
        content = self._open()
        self._check_late()
        self._note_in_place(key)
        change = Update(key, function)
        change.apply(content)
        self._change(change)
        return self._lend(key, content.data[key])

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

    # -- its life --------------------------------------------------------------------------------

    def touch(self) -> None:
        """Extend the session to its full idle timeout from now, also without automatic extension."""
        self._accessed = self._acted = True
        self._check_late(told=True)
        self._touch = True

    def rotate(self) -> None:
        """Give the session a new id and keep its data. Call it at each login (session fixation).

        With the cookie store there is no id and nothing changes.
        """
        self._accessed = self._acted = True
        self._check_late(told=True)
        self._barred = False
        self._rotate = True

    def destroy(self) -> None:
        """End the session and remove its cookie. What is set afterwards starts a new one."""
        self._accessed = self._acted = True
        self._check_late()
        self._destroyed = [*self._destroyed, self._carried]
        self._carried = None
        self._forget_changes()
        self._lent = {}
        self._content = Content()

    # -- saving ----------------------------------------------------------------------------------

    async def save(self) -> None:
        """Save now, instead of when the response starts.

        After that moment (streams, background tasks, websockets) this is the only way, and only
        server-side stores can.

        Raises:
            LateChange: the browser would have to be told of the change, and it is too late for that.
            SessionEnded: another request ended the session meanwhile; the changes are not kept.
            StoreUnavailable: the store is away; the changes are still pending.
        """
        self._accessed = self._acted = True
        await self._commit(not self._started)

    async def _commit(self, extend: bool) -> None:
        """Bring the store up to date, and note whether the browser must be told (`_tell`)."""
        # Tasks of one request save one after the other: a save that overtook another of the same session
        # would carry its changes along, and the other would then replay them once more.
        if self._saving:
            await self._wait_for_other_saves()
        self._saving = True
        try:
            if self._lent:
                self._note_all_in_place()
            if self._destroyed:
                await self._end_destroyed()
            before = self._carried
            if before is None and not self._is_worth_a_start():
                return
            content = self._content
            # What another task of the same request changes while the store is at work is for the next commit.
            changes, self._changes = self._changes, []
            try:
                if before is None or content is None or extend or self._touch or self._rotate or not changes:
                    after = await self._try(before, content, changes, extend)
                else:  # what most writing requests want, without the detour
                    old = before.record
                    new = Record(
                        encode(content), old.created_at, old.expires_at, old.version + 1, content.owner
                    )
                    kept = await self._carrier.replace(before.key, new, expected=old.version)
                    after = Carried(new, before.id, before.key) if kept else None
                    self._tell = self._tell or not self._carrier.keeps_late_changes
                if after is None and before is not None:
                    after, content = await self._try_again(before, changes, extend)
            except SessionEnded:
                self._let_go()
                if changes:
                    raise
                return
            except BaseException:
                self._changes = [*changes, *self._changes]
                raise
            if self._destroyed:  # by another task meanwhile
                self._destroyed = [*self._destroyed, after]
                return
            self._carried = after
            if content is not None and content is not self._content:
                self._adopt(content)
        finally:
            self._saving = False
            if self._saved:
                self._saved.set()
                self._saved = None

    async def _try(
        self, carried: Carried | None, content: Content | None, changes: Sequence[Change], extend: bool
    ) -> Carried | None:
        """Begin, keep, extend, rotate: whatever it takes; None if another request was faster.

        The content is None where nobody has looked at it.
        """
        after: Carried | None
        if carried is None:
            now = time.time()
            begun = content or Content()
            first = Record(encode(begun), now, self._carrier.lifetime.first(now), owner=begun.owner)
            after = await self._carrier.create(first)
            self._tell = self._born = True
        else:
            old = carried.record
            expires_at = self._extended(old) if extend or self._touch else old.expires_at
            moved = expires_at != old.expires_at
            payload, owner = (encode(content), content.owner) if content else (old.payload, old.owner)
            new = Record(payload, old.created_at, expires_at, old.version + 1, owner)
            if self._rotate:
                after = await self._carrier.rotate(carried, new)
            elif not changes and not moved:
                after = carried
            else:
                kept = await self._carrier.replace(carried.key, new, expected=old.version)
                after = Carried(new, carried.id, carried.key) if kept else None
            if after is None:
                return None
            travels = after is not carried and not self._carrier.keeps_late_changes
            if self._rotate or travels or (moved and self._carrier.lifetime.told):
                self._tell = True
        self._rotate = self._touch = False
        return after

    async def _try_again(
        self, carried: Carried, changes: Sequence[Change], extend: bool
    ) -> tuple[Carried, Content]:
        """Replay the changes on what a faster request left behind, as often as there is one.

        Raises `SessionEnded` when it ended the session, and `WriteConflict` after too many tries.
        """
        for attempt in range(1, MAX_TRIES):
            if attempt > 1:  # step aside for a random while, longer each time, so that somebody gets through
                await anyio.sleep(random() * min(0.0005 * 2**attempt, 0.05))  # noqa: S311 (no secret)
            carried = await self._carrier.find_again(carried)
            content = replay(changes, unpack(carried.record.payload))
            after = await self._try(carried, content, changes, extend)
            if after is not None:
                return after, content
        raise WriteConflict("too many requests write to one session at the same time")

    def _extended(self, record: Record) -> float:
        """When the session ends from now on, if this request counts as activity."""
        lifetime = self._carrier.lifetime
        rule = lifetime.renewed if self._touch else lifetime.after_activity
        return rule(record.created_at, record.expires_at, time.time())

    async def _wait_for_other_saves(self) -> None:
        while self._saving:
            self._saved = self._saved or anyio.Event()
            await self._saved.wait()

    def _let_go(self) -> None:
        """Of a session that another request has ended."""
        self._carried = None
        self._barred = True
        self._tell = False
        self._forget_changes()

    def _is_worth_a_start(self) -> bool:
        """Whether a request without session has something to keep. Raises `SessionEnded` if it may not."""
        if self._changes and self._barred:
            self._forget_changes()
            raise SessionEnded("the session got a newer id from another request a moment ago")
        return bool(self._changes)

    async def _end_destroyed(self) -> None:
        while self._destroyed:
            carried = self._destroyed[0]
            if carried is not None:
                await self._carrier.destroy(carried)
            self._destroyed = self._destroyed[1:]
            # Also an unknown cookie goes, unless the browser is just about to learn a newer one.
            self._tell = self._tell or not self._barred

    # -- inside ----------------------------------------------------------------------------------

    def _open(self) -> Content:
        """The content, at the handler's request."""
        self._accessed = True
        content = self._content
        if content is None:
            carried = self._carried
            content = self._content = Content() if carried is None else unpack(carried.record.payload)
        return content

    def _set(self, key: str, value: Any, *, flash: bool = False) -> None:
        text = checked(key, value)
        key = str.__str__(key)  # a subclass would be no JSON key, and str() of an enum is not its value
        self._change(Set(key, text, flash))
        self._open().put(key, value, flash)
        self._lend(key, value, text)

    def _lend(self, key: str, value: Any, text: bytes | None = None) -> Any:
        if isinstance(value, _MUTABLE):
            self._acted = True
            self._lent[key] = encode(value) if text is None else text
        else:
            self._lent.pop(key, None)
        return value

    def _change(self, change: Change) -> None:
        if self._started:
            self._check_late()
        self._acted = True
        self._changes.append(change)

    def _check_late(self, *, told: bool = False) -> None:
        if not self._started:
            return
        if not self._carrier.keeps_late_changes:
            raise LateChange("the response has started, and with a cookie store its cookie has left")
        if told or self._carried is None:
            raise LateChange("the response has started, and the browser would have to learn of this change")

    def _note_in_place(self, key: str) -> None:
        """Log what the handler did to a nested value without telling us, `cart.append(…)`."""
        text = self._lent.get(key)
        content = self._open()
        if text is None or key not in content.data:
            return
        now = checked(key, content.data[key])
        if now != text:
            self._change(Set(key, now, key in content.flash))
            self._lend(key, content.data[key], now)

    def _note_all_in_place(self) -> None:
        for key in list(self._lent):
            self._note_in_place(key)

    def _put_back_flash(self) -> None:
        """For a response that failed: whoever loads the page again shall see the flash values again."""
        if any(isinstance(change, Consume) for change in self._changes):
            self._note_all_in_place()
            self._changes = [change for change in self._changes if not isinstance(change, Consume)]
            self._content = None
            replay(self._changes, self._open())
            self._lent = {}

    def _is_prefetch(self) -> bool:
        """Whether a browser loads the page on suspicion (Fetch standard, `Sec-Purpose`)."""
        return any(name == b"sec-purpose" and b"prefetch" in value for name, value in self._headers)

    def _forget_changes(self) -> None:
        self._changes = []
        self._rotate = self._touch = False

    def _adopt(self, content: Content) -> None:
        """Go on with what was saved, which after a conflict holds other requests' changes too."""
        replay(self._changes, content)
        for key, text in list(self._lent.items()):
            # The handler may still hold the nested values that it read; keep looking at those.
            if encode(content.data.get(key)) == text:
                content.data[key] = self._open().data[key]
            else:
                del self._lent[key]
        self._content = content

    def _refuse_late_changes(self) -> None:
        """Raise if a change since the start of the response was not saved; the session is as saved again."""
        self._note_all_in_place()
        if self._discard():
            raise LateChange("a change after the start of the response was not followed by session.save()")

    def _discard(self) -> bool:
        """Forget what was not saved; whether there was something to forget."""
        if not (self._changes or self._lent or self._destroyed or self._rotate or self._touch):
            return False
        discarded = bool(self._changes or self._destroyed)
        if self._destroyed:
            self._carried = self._destroyed[0]
        self._destroyed = ()
        self._forget_changes()
        self._lent = {}
        self._content = None
        return discarded


def _moment(seconds: float) -> datetime | None:
    return None if isinf(seconds) else datetime.fromtimestamp(seconds, UTC)
