"""Pages that lead to other sites, to see which cookies go along: a frame, a form, a link.

`control.py` has the page that tells which have arrived.

They do not look at the session, so that they bring no cookies of their own into play.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from reference_server.demo import required
from reference_server.headers import policy
from reference_server.inspector import render

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?(?=/|$)", re.IGNORECASE)
"""Its text becomes a part of a header."""


def site(request: Request, field: str) -> str:
    """The address given. Raises a 400 `HTTPException` for one that is not http: it could be a script."""
    address = required(request.query_params, field)
    if not _ORIGIN.match(address):
        raise HTTPException(400, f"{field} must be an http or https address")
    return address


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


async def frame(request: Request) -> Response:
    src = site(request, "src")
    may_show = {"Content-Security-Policy": policy(frame_src=origin_of(src))}
    return HTMLResponse(render(request, "cross_site.html", src=src), headers=may_show)


async def post_to(request: Request) -> Response:
    target = site(request, "url")
    may_send = {"Content-Security-Policy": policy(form_action=origin_of(target))}
    return HTMLResponse(render(request, "cross_site.html", target=target), headers=may_send)


routes = [Route("/lab/frame", frame), Route("/lab/post-to", post_to)]
