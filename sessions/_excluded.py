"""Requests without a session: static files, health checks. They cost no look at the cookie and no store."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NoReturn

from sessions._asgi import Scope, path_of
from sessions._session import LOOKS

Exclude = Collection[str] | Callable[[Scope], bool]
"""Paths, of which one that ends with a slash stands for all below it; or a function of the scope."""


class Excluded(dict[str, Any]):
    """In place of the session. Each look at it raises `LookupError`."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # what tools ask of any object, for example how to show it
            raise AttributeError(name)
        _raise()

    def __repr__(self) -> str:
        return "<Excluded>"


def _raise(*_: object, **__: object) -> NoReturn:
    raise LookupError("this path has no session: SessionMiddleware(exclude=…) names it")


for _name in (*LOOKS, "__bool__", "clear", "mark_accessed"):
    setattr(Excluded, _name, _raise)
Excluded.__hash__ = None


def excluding(exclude: Exclude) -> Callable[[Scope], bool] | None:
    """A function that tells whether a request has no session; None if all have one.

    Raises `TypeError` for a single text, and `ValueError` for a path that does not begin with a slash.
    """
    if callable(exclude):
        return exclude
    if isinstance(exclude, str) or not all(isinstance(path, str) for path in exclude):
        raise TypeError("exclude is a collection of paths, or a function of the scope")
    if wrong := [path for path in exclude if not path.startswith("/")]:
        raise ValueError(f"exclude has the path {wrong[0]!r}, which does not begin with a slash")
    exact = frozenset(exclude)
    below = tuple(path for path in exclude if path.endswith("/"))

    def is_excluded(scope: Scope) -> bool:
        path = path_of(scope)
        return path in exact or path.startswith(below)

    return is_excluded if exact else None
