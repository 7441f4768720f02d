"""Which `SessionMiddleware` an app has."""

from __future__ import annotations

from collections import deque
from typing import Any

from sessions._middleware import SessionMiddleware


def middleware_of(app: Any, cookie_name: str | None) -> SessionMiddleware:
    """The app's only one, or the one with this cookie name. The app may be the middleware itself.

    A Starlette app builds its middleware at its first request. If there was none yet, this is done here.

    Raises `LookupError` if there is none, or if there are several and no name tells which.
    """
    found = [each for each in _all_in(app) if cookie_name in (None, each.cookie_name)]
    if len(found) == 1:
        return found[0]
    named = "" if cookie_name is None else f" with the cookie name {cookie_name!r}"
    if not found:
        raise LookupError(
            f"no SessionMiddleware{named} was found in this {type(app).__name__}: give the middleware itself"
        )
    names = sorted({each.cookie_name for each in found})
    if len(names) == len(found):
        raise LookupError(f"the app has several SessionMiddlewares: say which one, cookie_name={names!r}")
    raise LookupError(
        f"the app has several SessionMiddlewares with the cookie name {names[0]!r}: give one itself"
    )


def _all_in(app: Any) -> list[SessionMiddleware]:
    found, seen, waiting = list[SessionMiddleware](), set[int](), deque([app])
    while waiting:
        layer = waiting.popleft()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, SessionMiddleware):
            found.append(layer)
        waiting.extend(_inside(layer))
    return found


def _inside(layer: Any) -> list[Any]:
    """What a layer of an app calls: of Starlette, of Quart, and of whoever has what it wraps as `app`."""
    if hasattr(layer, "build_middleware_stack"):
        if layer.middleware_stack is None:
            layer.middleware_stack = layer.build_middleware_stack()
        return [layer.middleware_stack]
    names = ("app", "asgi_app")
    inside = [getattr(layer, name) for name in names if callable(getattr(layer, name, None))]
    routes = getattr(layer, "routes", ())
    return [*inside, *(routes if isinstance(routes, list | tuple) else ())]
