"""The session as code sees it that was written for Starlette's own: a dict, `request.session`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reference_server.demo import done, fields, opened, required
from reference_server.inspector import Page


async def whole(request: Request) -> Response:
    """All of it as JSON. Flash values are shown, and are still there afterwards (FLASH-2)."""
    await opened(request)
    return JSONResponse(request.session)


async def names(request: Request) -> Response:
    """What a template finds under names that the app and the library both use (OBJ-1)."""
    await opened(request)
    return Page(request, "names.html")


async def clear(request: Request) -> Response:
    """The logout of such code (OUT-3). With `key`, a value is set afterwards, in the same request."""
    given = await fields(request)
    session = await opened(request)
    session.clear()
    if given.get("key"):
        session[given["key"]] = given.get("value", "")
    return done(request, "clear")


async def replace(request: Request) -> Response:
    """Put a plain dict in the session's place (OBJ-7)."""
    given = await fields(request)
    key = required(given, "key")
    await opened(request)
    request.scope["session"] = {key: given.get("value", "")}
    return done(request, "replace")


async def replace_by_nothing(request: Request) -> Response:
    await opened(request)
    request.scope["session"] = {}
    return done(request, "replace-by-nothing")


routes = [
    Route("/lab/all", whole),
    Route("/lab/names", names),
    Route("/lab/clear", clear, methods=["POST"]),
    Route("/lab/replace", replace, methods=["POST"]),
    Route("/lab/replace-by-nothing", replace_by_nothing, methods=["POST"]),
]
