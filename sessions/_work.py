"""One request's work on its session: what it arrived with, what it holds now, and what is not saved yet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from enum import Enum
from threading import Lock
from typing import Any, Final

import anyio
import msgspec

from sessions._asgi import Headers
from sessions._carriers import Carried, Carrier, MovingIn, new_seed
from sessions._changes import Function, Log, Notes, derive
from sessions._device import Device, new_device
from sessions._events import nobody_listens
from sessions._hidden import Hidden
from sessions._json import FIXED, checked, encode
from sessions._lifetime import Lifetime, Timeouts
from sessions._record import (
    EMPTY,
    PLAIN,
    SHALLOW,
    UNREADABLE,
    Content,
    decode_content,
    has_commit,
    is_too_deep,
    last_commit,
    new_commit_id,
    unpack,
)
from sessions.errors import LateChange, WriteConflict

logger = logging.getLogger("sessions")


class Standing(Enum):
    """What the session is to this request."""

    ANONYMOUS = "The request has no session: it brought none, or its own handler ended it."
    LIVE = "The request holds a living session."
    MOVED = "Another request gave the session a new id. This one writes, reads nothing, sets no cookie."
    ENDED = "Another request ended the session, or it has expired."


class Phase(Enum):
    """How far the request has come."""

    OPEN = "The response has not started: all can be saved, and the browser can be told."
    ANSWERED = "The response has started: only what the browser need not learn can be saved, by `save()`."
    FAILED = "An exception left the app: nothing can be saved any more."


class Taken(Hidden, msgspec.Struct, eq=False):
    """What one commit has to save. What is changed from then on is for the next one."""

    before: bytes
    """The content's text that the changes start from."""
    after: bytes
    """The content's text that they lead to."""
    notes: Notes | None
    owner: str | None
    timeouts: Timeouts | None
    life: int
    rotate: bool = False
    touch: bool = False
    asked: bool = False
    """Whether it is by `save()`, which tells the handler of a session that is too large for its cookie."""
    sent: bool = False
    """Whether the store may have written it: no answer came, or one that was for the same write sent again by
    the store's client."""
    unheard: bool = False
    """Whether no answer came, and nobody has looked since what became of it."""
    follows: bytes = b""
    """The id of the commit that it was to follow, as it was sent; empty for a new record."""
    is_behind: bool = False
    """Whether the session has already what a request with an old id does to it, and only the rest is left."""
    failed: bool = False
    """Whether it was tried once already, and others were faster."""
    commit_id: bytes = b""
    seed: bytes = b""
    """What the session's next id is made from: a retry draws no other, as the record may be there by now."""

    @property
    def is_login(self) -> bool:
        """Whether somebody has proved who they are, or is signed in no longer."""
        return self.notes is not None and self.notes.login

    @property
    def authenticated(self) -> bool:
        return self.is_login and unpack(self.after).authenticated_at is not None

    @property
    def sets_timeouts(self) -> bool:
        return self.notes is not None and self.notes.timeouts

    @property
    def changed(self) -> bool:
        return self.before != self.after or bool(self.notes)

    @property
    def is_owed(self) -> bool:
        """Whether the handler relies on it. Else there is nothing to save, or an extension at most."""
        return self.changed or self.rotate or self.touch

    def log(self) -> Log:
        return derive(self.before, self.after, self.notes or Notes(set()))

    def named(self) -> bytes:
        """The commit's id, which it has from its first write on."""
        if not self.commit_id:
            self.commit_id = new_commit_id()
        return self.commit_id

    def drawn(self) -> bytes:
        """The seed, which it has from its first try on."""
        if not self.seed:
            self.seed = new_seed()
        return self.seed

    def send(self, carried: Carried) -> None:
        """Note that the store is asked to write it in place of this record."""
        self.sent, self.follows = True, last_commit(carried.trail)

    def hear(self) -> None:
        """Note that it is known what has become of what was sent."""
        self.sent = self.unheard = False

    def is_in(self, carried: Carried) -> bool:
        """Whether the record remembers this commit."""
        return bool(self.commit_id) and has_commit(carried.trail, self.commit_id)

    def was_done(self, carried: Carried) -> bool:
        """Whether this commit is among those that made the record. From then on it is known.

        Raises `WriteConflict` if that cannot be told: no answer came, and so many others have followed that
        the record remembers neither this one nor the one that it was to follow.
        """
        done = self.is_in(carried)
        if self.unheard and not done and not has_commit(carried.trail, self.follows):
            raise WriteConflict(_FORGOTTEN)
        self.hear()
        return done


_FORGOTTEN: Final = "whether a change was saved cannot be told: too many others have been saved since"

_OPEN: Final = Phase.OPEN
_ANONYMOUS: Final = Standing.ANONYMOUS
_LIVE: Final = Standing.LIVE
# Python 3.11 looks a member of an enum up at each use, for a fifth of a microsecond; requests use them often.

_NOT_JSON: Final = (TypeError, ValueError, RecursionError, OverflowError)
PLAIN_TYPES: Final = frozenset({str, int, float, bool, type(None)})

# Threads may share a session. Nothing that the app wrote runs while one of them holds this.
one_at_a_time: Final = Lock()


class Work(Hidden, msgspec.Struct, eq=False):
    """The state of one request. `_session` changes it, `_commit` saves it, `_response` tells the browser.

    The values themselves are the session's own, a dict; each method that needs them is given them.
    """

    # Each request makes one of these: a struct is made in C, with all that is usual as defaults.
    carrier: Carrier
    # Not the scope, which holds the session: Python frees a circle late, by a search that costs each request.
    headers: Headers = ()
    scheme: str = "http"
    login_keys: Collection[str] = ()
    """Keys of which a change is a login, or a logout."""
    report: Callable[..., None] = nobody_listens
    held: Carried | None = None
    """The session that the request holds now."""
    known: Carried | None = None
    """The session as the browser knows it, by this request's cookie or by another response."""
    standing: Standing = _ANONYMOUS
    special: bool = True
    """Whether a commit may be anything else than the next version of a living record."""
    unread: bool = False
    """Whether the values are still in the record: nobody has looked at the session yet."""
    extends: bool = True
    """Whether the request counts as activity, which extends the session."""
    phase: Phase = _OPEN
    owner: str | None = None
    authenticated_at: float | None = None
    timeouts: Timeouts | None = None
    """The session's own, if it has not those of the middleware."""
    retimed: bool = False
    """Whether the handler has set them in this request."""
    device: Device | None = None
    """What the session is bound to, or its browser was invited to bind it to."""
    inviting: bool = False
    """Whether the response invites the browser to bind the session: it is a login's."""
    proof: tuple[float, float] | None = None
    """Of a request from the device that the session is bound to: when that proved itself, in seconds since
    the epoch, and for how many seconds it holds."""
    flash: tuple[str, ...] = ()
    base: bytes = EMPTY
    """The content's text as it was loaded, or saved last: what differs from it is a change."""
    accessed: bool = False
    """Whether the handler has looked at the session."""
    notes: Notes | None = None
    nested: bool = False
    """Whether there may be values that can change in place."""
    modified: bool = False
    """Whether the handler has changed it, whatever has become of the change."""
    pending: bool = False
    """Whether there is something for the store to do that is neither in the notes nor in the values."""
    born: bool = False
    """Whether this request began the session that it holds."""
    rotating: bool = False
    touching: bool = False
    dismissed: bool = False
    """Whether the handler ended a session, or the lack of one: then an old cookie goes."""
    ending: tuple[Carried, ...] = ()
    """Sessions that the handler has ended and the store has yet to end."""
    crowding: bool = False
    """Whether the owner may have too many sessions by now."""
    life: int = 0
    """One more after each end of a session within the request."""
    unsure: Taken | None = None
    """A commit of which the store's answer is lost: it may have been done."""
    fault: BaseException | None = None
    """Why the response's changes could not be saved; then no further try is made."""
    tombstone: Carried | None = None
    """Where what this request writes is kept, if it came with an id that was replaced before."""
    cut_off: tuple[tuple[Any, bytes], ...] = ()
    """Nested values that another request replaced, with their text: the handler may still hold them."""
    moving: MovingIn | None = None
    """Another library's session, which is `held` or to be ended, and which the store has yet to begin."""
    saving: bool = False
    waiting: anyio.Event | None = None
    """Set at the end of the save that runs now, if other tasks wait for it."""

    def read(self, values: dict[str, Any]) -> None:
        """Read the values from the record. The request is anonymous if they cannot be read."""
        one_at_a_time.acquire()  # by hand, as `with` takes twice as long, and most requests come by here
        try:
            carried = self.held
            if not self.unread or carried is None:  # another thread was faster
                return
            line = carried.record.payload.partition(b"\n")[0]
            dict.clear(values)
            try:
                content = decode_content(line)
            except UNREADABLE:
                self._ignore()
                return
            if len(line) > SHALLOW and is_too_deep(line):
                self._ignore()
                return
            data = content.data
            dict.update(values, data)
            self.base, self.flash = line, content.flash
            self.owner, self.authenticated_at = content.owner, content.authenticated_at
            self.nested = not PLAIN_TYPES.issuperset(map(type, data.values()))
            if not line.startswith(PLAIN):
                self._read_unusual(carried, content)
            self.unread = False
        finally:
            one_at_a_time.release()

    def _read_unusual(self, carried: Carried, content: Content) -> None:
        if content.timeouts is not None or content.device is not None:
            self.timeouts, self.device, self.special = content.timeouts, content.device, True
        if content.moved is not None:
            self._go_without(carried, content.data)

    def _ignore(self) -> None:
        logger.warning("ignored a cookie: the record cannot be read")
        self.held = self.known = None
        self.standing, self.special, self.unread = _ANONYMOUS, True, False

    def _go_without(self, tombstone: Carried, data: dict[str, Any]) -> None:
        self.held = self.known = None
        self.standing, self.tombstone, self.special = Standing.MOVED, tombstone, True
        self.owner = self.authenticated_at = self.timeouts = self.device = None
        self.base = self.text(data)

    def __repr__(self) -> str:
        return f"<Work, {self.standing.name}, {self.phase.name}>"  # no ids, no values: it may reach a log

    # -- what the handler does -------------------------------------------------------------------------------

    def check(self, *, told: bool = False) -> None:
        """Raise `LateChange` for a change that cannot be kept any more.

        `told`: one that the browser would have to learn of.
        """
        if self.phase is _OPEN:
            return
        if self.phase is Phase.FAILED:
            raise LateChange("the request has failed, and nothing of its session is saved any more")
        if not self.carrier.on_server:
            raise LateChange("the response has started, and with a cookie store its cookie has left")
        if told or self.standing is _ANONYMOUS:
            raise LateChange("the response has started, and the browser would have to learn of this change")

    def noting(self) -> Notes:
        """Where to note a change. Raises `LateChange`."""
        if self.phase is not _OPEN:
            self.check()
        notes = self.notes
        return self.first_note() if notes is None else notes

    def first_note(self) -> Notes:
        """Where to note a change. Of two threads, each may be the first."""
        one_at_a_time.acquire()
        try:
            return self._first_note()
        finally:
            one_at_a_time.release()

    def _first_note(self) -> Notes:
        if self.notes is None:
            self.modified = True
            self.notes = Notes(set())
        return self.notes

    def assign(self, key: str) -> None:
        """Note that the key was set or removed, after `check`."""
        notes = self.notes
        if notes is None:
            notes = self.first_note()
        notes.assigned.add(key)
        if notes.functions:
            notes.drop_functions(key)
        if key in self.login_keys:
            self.special = True
        if self.flash and key in self.flash:
            with one_at_a_time:
                self._unflash(key)

    def _unflash(self, key: str) -> None:
        self.flash = tuple(other for other in self.flash if other != key)

    def assign_flash(self, key: str) -> None:
        """Note that the key was set to a flash value, after `check`."""
        with one_at_a_time:
            self._first_note().assign(key)
            self._unflash(key)
            self.special = self.special or key in self.login_keys
            self.flash = (*self.flash, key)

    def use_up(self, key: str, value: Any) -> None:
        """Note that a flash value was read, after `check`."""
        text = encode(value)
        with one_at_a_time:
            notes = self._first_note()
            if key not in notes.assigned:
                notes.add_read(key, text)
            self._unflash(key)

    def apply(self, key: str, function: Function, before: Any, result: bytes) -> None:
        """Note that a function made this of the value, after `check`. The caller holds the lock."""
        notes = self._first_note()
        if key in self.login_keys:
            self.special = True
        if key in self.flash:
            self._unflash(key)
            notes.assign(key)
        if key in notes.assigned:
            return
        if not isinstance(before, FIXED) and encode(before) != self._text_of(key):
            notes.assign(key)  # it was changed in place before
            return
        notes.add_function(key, function, result)

    def _text_of(self, key: str) -> bytes | None:
        """The value's text, as the last function left it or as it was loaded."""
        if self.notes is not None and self.notes.results and key in self.notes.results:
            return self.notes.results[key]
        data = unpack(self.base).data
        return encode(data[key]) if key in data else None

    def own(self, owner: str | None, values: dict[str, Any]) -> None:
        """Note that the session belongs to somebody else from now on. Raises `LateChange`."""
        if owner == self.owner:
            return
        self.log_in(authenticated=owner is not None)
        notes = self.noting()
        if self.owner is not None:
            # Nothing of the first one's values may reach the second. What this request has set is no such.
            for key in [key for key in values if key not in notes.assigned]:
                dict.pop(values, key, None)
                self.assign(key)
            notes.functions = notes.results = notes.read = None
            notes.afresh = True
            if not notes.timeouts:
                self.timeouts, notes.timeouts = None, True
        notes.owner = True
        self.owner, self.device = owner, None
        self._invite()

    def set_timeouts(self, own: Timeouts | None) -> None:
        """Note that the session has these timeouts from now on, or the usual ones. Raises `LateChange`."""
        self.check(told=True)
        notes = self.noting()
        self.accessed = self.special = self.retimed = notes.timeouts = True
        self.timeouts = own

    @property
    def lifetime(self) -> Lifetime:
        """The rules by which this session ends."""
        return self.carrier.lifetime.of_session(self.owner, self.timeouts)

    def is_due(self, now: float) -> bool:
        """Whether the session may need an extension now, a moment in seconds since the epoch."""
        if self.held is None:
            return False
        left = self.held.record.expires_at - now
        return left <= (self.carrier.enough if self.timeouts is None else self.lifetime.needs_no_extension)

    def log_in(self, *, authenticated: bool) -> None:
        """Note that somebody has just proved who they are, or is signed in no longer. Raises `LateChange`."""
        self.rotate()
        self.noting().login = True
        self.authenticated_at = time.time() if authenticated else None
        if authenticated and (self.device is None or not self.device.is_bound):
            self._invite()

    def _invite(self) -> None:
        """Let the browser of this login bind the session to its device, if it can."""
        # Browsers heed no invitation without https, and none that comes with a websocket.
        if self.carrier.binding is None or self.scheme != "https":
            return
        if self.owner is not None:
            self.device, self.inviting = new_device(), True

    def look_at_login_keys(self, values: dict[str, Any]) -> None:
        """Note a login that the app did not tell otherwise than by what it set. Raises `LateChange`."""
        notes = self.notes
        if notes is None or notes.login:
            return
        keys = [key for key in (*notes.assigned, *(notes.functions or ())) if key in self.login_keys]
        if keys:
            before = unpack(self.base).data
            changed = [key for key in keys if before.get(key) != dict.get(values, key)]
            if changed:
                self.log_in(authenticated=any(dict.get(values, key) for key in changed))

    def move_in(self, moving: MovingIn | None) -> None:
        """Note that the session which is held is another library's, or was until a moment ago.

        The browser has yet to be told. `moving`: if the session has yet to begin here.
        """
        self.moving, self.known = moving, None
        self.special, self.pending = True, moving is not None

    def rotate(self) -> None:
        self.check(told=True)
        self.accessed = self.modified = self.pending = self.special = self.rotating = True

    def touch(self) -> None:
        self.accessed = True
        if self.phase is _OPEN or self.standing is not _ANONYMOUS:
            self.check()
            self.touching = self.pending = self.special = True

    def dismiss(self) -> None:
        """End the session. What is set from now on begins a new one. Raises `LateChange`."""
        self.check()
        ended = self.held or self.tombstone
        if ended is not None:
            self.ending = (*self.ending, ended)
        self.held = self.tombstone = None
        self.standing = _ANONYMOUS
        self.base, self.flash = EMPTY, ()
        self.owner = self.authenticated_at = self.timeouts = self.device = None
        self.drop_changes()
        self.life += 1
        self.nested = False
        self.accessed = self.modified = self.special = self.dismissed = True

    def drop_changes(self) -> None:
        self.notes = None
        self.rotating = self.touching = False
        self.pending = bool(self.ending)
        self.unsure = None
        self.cut_off = ()

    def let_be(self, values: dict[str, Any]) -> None:
        """Count as a change only what differs from now on: what is there was refused, and that was told."""
        try:
            self.base = self.text(values)
        except _NOT_JSON:
            self.nested = False

    def is_prefetch(self) -> bool:
        """Whether a browser loads the page on suspicion (Fetch standard, `Sec-Purpose`)."""
        return any(name == b"sec-purpose" and b"prefetch" in value for name, value in self.headers)

    # -- what is not saved yet -------------------------------------------------------------------------------

    def has_changes(self, values: dict[str, Any]) -> bool:
        """Whether there is something to save: noted, or changed in place."""
        if self.notes is not None and self.notes:
            return True
        if self.unsure is not None or (self.cut_off and self._cut_off_changed()):
            return True
        return self.accessed and self.nested and self._changed_in_place(values)

    def has_unsaved(self, values: dict[str, Any]) -> bool:
        """The same, or an end or an extension that the store has not heard of."""
        return bool(self.ending) or self.touching or self.has_changes(values)

    def has_owed(self, values: dict[str, Any]) -> bool:
        """Whether there is something that the handler relies on: it is saved now, or the request fails."""
        return bool(self.ending) or self.rotating or self.touching or self.has_changes(values)

    def stay_out(self) -> None:
        """Go on without the session of another library: it stays where it was, and moves in later."""
        self.moving = self.held = None
        self.standing, self.pending = _ANONYMOUS, False

    def _changed_in_place(self, values: dict[str, Any]) -> bool:
        try:
            return self.text(values) != self.base
        except _NOT_JSON:
            return True

    def text(self, values: dict[str, Any]) -> bytes:
        """The content as JSON text."""
        return encode(
            Content(None, self.timeouts, self.device, self.flash, values, self.owner, self.authenticated_at)
        )

    def take(self, values: dict[str, Any]) -> Taken:
        """What this commit has to save.

        Raises `TypeError` for a nested value that JSON cannot hold, and `LateChange` for a change of one
        that another request has replaced.
        """
        if self.cut_off and self._cut_off_changed():
            raise LateChange(
                "a nested value was changed that another request had replaced during session.save():"
                " read it from the session again after each save"
            )
        before = after = self.base
        notes, owner, timeouts = None, self.owner, self.timeouts
        self.pending = False
        nested = self.accessed and self.nested
        if nested or self.notes is not None:
            with one_at_a_time:
                after = self._checked_text(values) if nested else self.text(values)
                notes, self.notes, self.base = self.notes, None, after
                owner, timeouts = self.owner, self.timeouts
        taken = Taken(before, after, notes, owner, timeouts, self.life, self.rotating, self.touching)
        self.rotating = self.touching = False
        return taken

    def _checked_text(self, values: dict[str, Any]) -> bytes:
        """Raises `TypeError` for a nested value that JSON cannot hold; what is assigned is checked then."""
        try:
            text = self.text(values)
        except _NOT_JSON:
            _check_nested(values)
            raise
        if text != self.base:
            _check_nested(values)
        return text

    def _cut_off_changed(self) -> bool:
        return any(encode(value) != text for value, text in self.cut_off)

    def give_back(self, taken: Taken) -> None:
        """The commit was not done: what it took is to be saved by the next one."""
        if taken.life != self.life:
            return  # the handler has ended the session meanwhile
        with one_at_a_time:
            if taken.notes is not None:
                self.notes = taken.notes if self.notes is None else taken.notes.before(self.notes)
            self.base = taken.before
        self.rotating = self.rotating or taken.rotate
        self.touching = self.touching or taken.touch
        self.pending = self.special = True

    def discard(self, values: dict[str, Any]) -> bool:
        """Forget what is not saved; the values are as saved again. Whether there was something to forget."""
        lost = self.has_changes(values)
        if self.moving is not None and not self.ending:  # it stays where it was; the next request takes it in
            self.stay_out()
        if self.accessed and lost:
            content = unpack(self.unsure.before if self.unsure else self.base)
            self.flash = content.flash
            self.owner, self.authenticated_at = content.owner, content.authenticated_at
            self.timeouts, self.device = content.timeouts, content.device
            dict.clear(values)
            dict.update(values, content.data)
        self.drop_changes()
        return lost

    def put_back(self, values: dict[str, Any]) -> bool:
        """The same, with an end of the session that came too late to be kept taken back as well."""
        if not self.ending:
            return self.discard(values)
        self.held, self.standing, self.dismissed = self.ending[0], _LIVE, False
        self.base = self.ending[0].line
        self.ending = ()
        self.discard(values)
        return True

    # -- tasks of one request --------------------------------------------------------------------------------

    async def wait_for_turn(self) -> None:
        """Tasks of one request save one after the other: a save that overtook another of the same session
        would carry its changes along, and the other would then save them once more."""
        while self.saving:
            self.waiting = self.waiting or anyio.Event()
            await self.waiting.wait()
        self.saving = True

    def end_turn(self) -> None:
        self.saving = False
        if self.waiting is not None:
            self.waiting.set()
            self.waiting = None


# A struct's own setter takes five times as long as Python's. All that it does besides is to begin the
# tracking of an object by the garbage collector, and a Work is tracked from the beginning.
Work.__setattr__ = object.__setattr__  # type: ignore[method-assign]
Work.__delattr__ = object.__delattr__  # type: ignore[method-assign]


def _check_nested(values: dict[str, Any]) -> None:
    for key, value in list(values.items()):
        if not isinstance(value, FIXED):
            checked(key, value)
