"""The types of an ASGI app's arguments (ASGI 3.0)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
"""Starlette types a scope as a mapping, Litestar and Quart as a `TypedDict`: no mapping to a type checker."""
Headers = Iterable[tuple[bytes, bytes]]

SECURE_SCHEMES: Final = frozenset({"https", "wss"})


def path_of(scope: Scope) -> str:
    """The path without the `root_path`, which servers and mounts put before it or leave out."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return (path[len(root) :] or "/") if root and path.startswith(root) else path
