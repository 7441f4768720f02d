"""The request's change log: what the handler did, so that it can be done again on a fresher record.

When the store says that another request was faster, the log is replayed on what that request left
behind, instead of overwriting it. That is why parallel writers of different keys all survive and why
increments are exact. Changes hold JSON text rather than live objects: a handler that goes on changing
a list after setting it must not change history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from sessions.jsonvalues import checked, decode, encode
from sessions.record import Content


class Change(Protocol):
    def apply(self, content: Content) -> None: ...


class Set(msgspec.Struct, frozen=True, gc=False):
    """`value` is JSON text, or a number, a boolean or None as it is."""

    key: str
    value: bytes | float | None
    flash: bool = False

    def apply(self, content: Content) -> None:
        value = decode(self.value) if isinstance(self.value, bytes) else self.value
        content.put(self.key, value, flash=self.flash)


class Forget(msgspec.Struct, frozen=True):
    key: str

    def apply(self, content: Content) -> None:
        content.forget(self.key)


class Consume(msgspec.Struct, frozen=True):
    """A flash value was read. A newer one that took its place meanwhile is still unread and stays."""

    key: str
    text: bytes

    def apply(self, content: Content) -> None:
        if self.key in content.flash and encode(content.data.get(self.key)) == self.text:
            content.forget(self.key)


class Update(msgspec.Struct, frozen=True):
    """`function` turns the value (None when there is none) into the next one; it may run again."""

    key: str
    function: Callable[[Any], Any]

    def apply(self, content: Content) -> None:
        value = content.data.get(self.key)
        if isinstance(value, (dict, list, tuple)):
            value = decode(encode(value))  # so that a function which fails half-way leaves no half behind
        value = self.function(value)
        content.put(self.key, decode(checked(self.key, value)))


class Own(msgspec.Struct, frozen=True):
    owner: str | None

    def apply(self, content: Content) -> None:
        content.owner = self.owner


class Clear(msgspec.Struct, frozen=True):
    def apply(self, content: Content) -> None:
        content.data.clear()
        content.flash.clear()


def replay(changes: Iterable[Change], content: Content) -> Content:
    for change in changes:
        change.apply(content)
    return content
