"""Pages that ask caches to keep them for a minute, and what the library makes of that (COOKIE-5)."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reference_server.demo import gate, opened

FOR_A_MINUTE: Final = {
    "cache-control": "public, max-age=60",
    "cdn-cache-control": "max-age=60",  # RFC 9213
    "surrogate-control": "max-age=60",  # Fastly and others
    "x-accel-expires": "60",  # nginx
}
"""How a response asks for 60 seconds, by the header field."""


async def public(request: Request) -> Response:
    """It writes. A response that sets the cookie is for one person alone, whatever is said here."""
    session = await opened(request)
    session.increment("public")
    return keep(request, "This page has changed the session.\n")


async def varying(request: Request) -> Response:
    """It only looks, so that caches may keep it for this cookie."""
    session = await opened(request)
    return keep(request, f"This page has seen {len(session)} values.\n")


async def anybodys(request: Request) -> Response:
    """It never looks at the session, so that caches may keep it for everybody."""
    await gate(request)
    return keep(request, "This page is the same for everybody.\n")


def keep(request: Request, text: str) -> Response:
    """Raises a 404 `HTTPException` for a field that says nothing to caches."""
    field = request.path_params.get("field", "cache-control")
    if field not in FOR_A_MINUTE:
        raise HTTPException(404, f"the field is one of {', '.join(FOR_A_MINUTE)}")
    return PlainTextResponse(text, headers={field: FOR_A_MINUTE[field]})


routes = [
    Route(f"/lab/{page.__name__}{field}", page)
    for page in (public, varying, anybodys)
    for field in ("", "/{field}")
]
