"""In a template the app's own keys come first: `{{ request.session.owner }}` is the app's `session["owner"]`.

Jinja asks an object for an attribute before it asks for an item. On a plain dict that finds the app's keys,
but for `items` and the like; on a session it would find the library's own names, the secret id among
them. So these names look who asks: a template gets the app's key if there is one, and never the secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from sys import _getframe
from typing import Any, Final

_ENGINE: Final = "jinja2"
"""The package whose code asks for attributes in a template's name."""


class _BehindTheKeys:
    """An attribute of the session's class that a template finds only if the app has no key of that name."""

    def __init__(self, name: str, attribute: Any, secret: bool) -> None:
        self._name = name
        self._attribute = attribute
        self._secret = secret
        self.__doc__ = attribute.__doc__

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        if instance is None:
            return self._attribute.__get__(None, owner)
        asks = str(_getframe(1).f_globals.get("__name__")).partition(".")[0]
        if asks == _ENGINE and (self._secret or self._name in instance):
            raise AttributeError(self._name)
        return self._attribute.__get__(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        if not isinstance(self._attribute, property):
            raise AttributeError(f"the session's {self._name!r} is a method")
        self._attribute.__set__(instance, value)


def own_keys_first(cls: type[Any], names: Iterable[str], *, hidden: str) -> None:
    """Let templates find the app's keys before these attributes of the class, and never the hidden one."""
    for name in names:
        setattr(cls, name, _BehindTheKeys(name, vars(cls)[name], name == hidden))
