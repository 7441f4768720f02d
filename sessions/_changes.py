"""What a request did to its session, so that it can be done again on a fresher record.

A request is not watched step by step. At a commit the session's text is compared with the text that was
loaded, and what differs has changed, in whatever way the handler reached it. Three things cannot be read
off that way and are noted: which keys were assigned (also to the value that they had), which were
changed by a function, and which flash values were read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from sessions._device import Device
from sessions._hidden import Hidden
from sessions._json import checked, decode, encode
from sessions._lifetime import Timeouts
from sessions._record import Content, unpack

Function = Callable[[Any], Any]

_CONTAINERS: Final = (dict, list, tuple)


def applied(function: Function, key: str, value: Any) -> bytes:
    """The next value as JSON text. The function gets a copy: if it fails half-way it leaves no half behind.

    Raises whatever the function raises, and `TypeError` for a result that JSON cannot hold.
    """
    if isinstance(value, _CONTAINERS):
        value = decode(encode(value))
    return checked(key, function(value))


class Notes(Hidden, msgspec.Struct, eq=False):
    """What a handler did that the values themselves do not tell."""

    assigned: set[str]
    """Keys that were set, flashed or forgotten."""
    functions: dict[str, list[Function]] | None = None
    """Keys of which the value was replaced by what a function made of it, in this order."""
    results: dict[str, bytes] | None = None
    """JSON text of what the last function made."""
    read: dict[str, bytes] | None = None
    """Flash values that were used up by a read, as JSON text."""
    owner: bool = False
    """Whether the owner was set."""
    login: bool = False
    """Whether somebody has proved who they are, or is signed in no longer."""
    timeouts: bool = False
    """Whether the session's own timeouts were set, or taken back."""
    afresh: bool = False
    """Whether nothing of what was there before may stay: it was another owner's."""

    def __bool__(self) -> bool:
        return bool(self.assigned or self.functions or self.read or self.owner or self.login or self.timeouts)

    def assign(self, key: str) -> None:
        self.assigned.add(key)
        self.drop_functions(key)

    def drop_functions(self, key: str) -> None:
        """What a function made of the value counts no more: it was assigned since."""
        if self.functions and self.results and key in self.functions:
            del self.functions[key], self.results[key]

    def add_function(self, key: str, function: Function, result: bytes) -> None:
        if self.functions is None or self.results is None:
            self.functions, self.results = {}, {}
        self.functions.setdefault(key, []).append(function)
        self.results[key] = result

    def add_result(self, key: str, result: bytes) -> None:
        self.results = {**(self.results or {}), key: result}

    def add_read(self, key: str, text: bytes) -> None:
        self.read = {**(self.read or {}), key: text}

    def before(self, later: Notes) -> Notes:
        """Both as one; `later` came after these."""
        earlier, then = self.functions or {}, later.functions or {}
        assigned = self.assigned | later.assigned
        # What a function made of a value that is assigned is the value that is there.
        functions = {
            key: [*earlier.get(key, ()), *then.get(key, ())]
            for key in {**earlier, **then}
            if key not in assigned
        }
        results = {**(self.results or {}), **(later.results or {})}
        read = {**(self.read or {}), **(later.read or {})}
        if later.afresh:
            functions, read = {}, {}
        return Notes(
            assigned,
            functions,
            results,
            read,
            self.owner or later.owner,
            self.login or later.login,
            self.timeouts or later.timeouts,
            self.afresh or later.afresh,
        )


class Log(Hidden, msgspec.Struct, frozen=True, gc=False):
    """The changes of one commit, key by key. Their order does not matter, as each key is there once."""

    values: dict[str, bytes | None]
    """The new value as JSON text; None for a key that was removed."""
    flash: set[str]
    """Those of the new values that are flash values."""
    functions: dict[str, list[Function]]
    read: dict[str, bytes]
    owner: str | None = None
    sets_owner: bool = False
    authenticated_at: float | None = None
    is_login: bool = False
    timeouts: Timeouts | None = None
    sets_timeouts: bool = False
    afresh: bool = False
    """Whether nothing stays of the content that it is replayed on."""
    device: Device | None = None
    """What a login's browser was invited to bind the session to."""

    def __bool__(self) -> bool:
        special = self.sets_owner or self.is_login or self.sets_timeouts
        return bool(self.values or self.functions or self.read or special)

    def replay(self, content: Content) -> Content:
        """Do all of it to this content. Raises what a function raises, and `TypeError` for its result."""
        if self.afresh:
            content = Content(owner=content.owner, device=content.device)
        data, flash = content.data, set(content.flash)
        for key, text in self.read.items():
            # A newer flash value that took its place meanwhile is still unread, and stays.
            if key in flash and encode(data.get(key)) == text:
                del data[key]
        for key, value in self.values.items():
            flash.discard(key)
            data.pop(key, None)
            if value is not None:
                data[key] = decode(value)
        for key, functions in self.functions.items():
            flash.discard(key)
            for function in functions:
                data[key] = decode(applied(function, key, data.get(key)))
        flash |= self.flash
        content.flash = tuple(key for key in data if key in flash)
        self._replay_facts(content)
        return content

    def _replay_facts(self, content: Content) -> None:
        if self.sets_owner:
            # Of two logins of one user, the first one's browser may have registered its key: it stays.
            if content.owner != self.owner or content.device is None:
                content.device = self.device
            content.owner = self.owner
        elif self.device is not None and (content.device is None or not content.device.is_bound):
            content.device = self.device
        if self.sets_timeouts:
            content.timeouts = self.timeouts
        if self.is_login:
            content.authenticated_at = self.authenticated_at

    def before_a_rotation(self, written: Iterable[str]) -> Log:
        """What is left of it if a rotation that wrote these keys counts as done after it."""
        written = set(written)

        def others(changes: dict[str, Any]) -> dict[str, Any]:
            return {key: change for key, change in changes.items() if key not in written}

        # Whom the session belongs to, and how long it lives, is for a login to say: that was the rotation.
        return Log(others(self.values), self.flash - written, others(self.functions), others(self.read))

    def functions_alone(self) -> Log:
        return Log({}, set(), self.functions, {})


def derive(before: bytes, after: bytes, notes: Notes) -> Log:
    """The changes that lead from one content to another (their JSON text), with the help of the notes."""
    old, new = unpack(before).data, unpack(after)
    noted, results, used_up = notes.functions or {}, notes.results or {}, notes.read or {}
    values: dict[str, bytes | None] = {}
    functions = {}
    for key, value in new.data.items():
        text = encode(value)
        if key in noted and results[key] == text:
            functions[key] = noted[key]
        elif key in notes.assigned or key not in old or encode(old[key]) != text:
            values[key] = text
    for key in {**old, **dict.fromkeys(notes.assigned)}:
        if key not in new.data and key not in used_up:
            values[key] = None
    read = {key: text for key, text in used_up.items() if key not in values}
    return Log(
        values,
        set(new.flash) & values.keys(),
        functions,
        read,
        new.owner,
        notes.owner,
        new.authenticated_at,
        notes.login,
        new.timeouts,
        notes.timeouts,
        notes.afresh,
        new.device if notes.login else None,
    )
