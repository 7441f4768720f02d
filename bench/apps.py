"""The app that is measured: bare, and the same behind each library's session middleware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SESSION: dict[str, Any] = {"user": "someone@example.org", "csrf": "x" * 43, "theme": "dark", "counter": 1}
"""What every session holds at first: about 100 bytes of JSON."""

PATHS = ("untouched", "read", "write")
"""What a request does to its session. `fill` begins one."""

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Handler = Callable[[Request], Awaitable[object]]


async def _untouched(request: Request) -> object:
    return True


async def _read(request: Request) -> object:
    return request.session.get("user")


async def _write(request: Request) -> object:
    request.session["counter"] = request.session.get("counter", 0) + 1
    return True


async def _fill(request: Request) -> object:
    request.session.update(SESSION)
    return True


def app(read: Handler = _read, write: Handler = _write, fill: Handler = _fill) -> Starlette:
    """Answers 200 if a handler finds what it needs, else 404."""
    handlers = {"untouched": _untouched, "read": read, "write": write, "fill": fill}

    async def handle(request: Request) -> Response:
        found = await handlers[request.path_params["name"]](request)
        return Response(b"ok") if found else Response(b"", 404)

    # One route for all: with a route each, a router's search for the later ones would count as the session's.
    return Starlette(routes=[Route("/{name}", handle)])
