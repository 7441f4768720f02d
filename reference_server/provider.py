"""A login at another site that leads back here, as with OpenID Connect.

The browser comes back by a link of the other site. So the request has the session's cookie, as `SameSite=Lax`
lets it, and what the browser sends later because of the answer has none. The state, which only this session
knows, stops a link that somebody else has made (RFC 9700, section 4.7).
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from reference_server.demo import fields, opened, required, url
from reference_server.pages import sign_in

STATE: Final = "state"


async def begin(request: Request) -> Response:
    """With the `email` that the other site will vouch for."""
    session = await opened(request)
    state = secrets.token_urlsafe()
    session[STATE] = [state, required(await fields(request), "email")]
    return JSONResponse({"state": state})


async def callback(request: Request) -> Response:
    session = await opened(request)
    expected, email = session.get(STATE, ("", ""))
    given = request.query_params.get("state", "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise HTTPException(403, "This login was not begun here.")
    session.forget(STATE)
    sign_in(request, session, email)
    return RedirectResponse(url(request, "/login"), status_code=303)


routes = [
    Route("/lab/provider/begin", begin, methods=["POST"]),
    Route("/lab/provider/callback", callback),
]
