"""A login form with a token against forged requests (CSRF), which the session keeps.

A form that another site sends has no such token, so that nobody is signed in to somebody else's account
without noticing (OWASP ASVS 5, 3.5.1). For browsers of this decade `same_origin.py` does the same for all
forms, and needs no session for a visitor who has done nothing yet.
"""

from __future__ import annotations

import hmac
import secrets

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reference_server.demo import form_fields, session_of
from reference_server.inspector import Page
from reference_server.pages import form_values, log_in

TOKEN = "csrf"


async def login_form(request: Request) -> Response:
    session = session_of(request)
    token = session.setdefault(TOKEN, secrets.token_urlsafe(16))
    return Page(request, "login.html", action="/lab/login", token=token, **form_values(session))


async def guarded_log_in(request: Request) -> Response:
    expected = session_of(request).get(TOKEN, "")
    sent = (await form_fields(request)).get(TOKEN, "")
    if not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise HTTPException(403, "This form is too old, or not from here. Load the page and send it again.")
    return await log_in(request)


routes = [
    Route("/lab/login", login_form),
    Route("/lab/login", guarded_log_in, methods=["POST"]),
]
