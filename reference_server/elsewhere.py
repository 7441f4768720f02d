"""Pages that lead to other sites, to see which cookies go along: a frame, a form, a link.

They do not look at the session, so that they bring no cookies of their own into play.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from reference_server.demo import required
from reference_server.inspector import render


def site(request: Request, field: str) -> str:
    """The address given. Raises a 400 `HTTPException` for one that is not http: it could be a script."""
    address = required(request.query_params, field)
    if urlsplit(address).scheme not in ("http", "https"):
        raise HTTPException(400, f"{field} must be an http or https address")
    return address


async def frame(request: Request) -> Response:
    return HTMLResponse(render(request, "elsewhere.html", src=site(request, "src")))


async def post_to(request: Request) -> Response:
    return HTMLResponse(render(request, "elsewhere.html", target=site(request, "url")))


routes = [Route("/lab/frame", frame), Route("/lab/post-to", post_to)]
