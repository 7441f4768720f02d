"""The counter and the login: the two pages of every session demo."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from reference_server.demo import demo, form_fields, gate, opened, url
from reference_server.inspector import Page, shortened
from reference_server.own_lifetime import choose_at_login
from sessions import Session

COUNTER = "counter"
EMAIL = "email"
BEFORE_LOGIN = "before-login"
ATTEMPTS = "failed-login-attempts"
PASSWORD = "correct"
USER_AGENT = "user-agent"
LONGEST_EMAIL = 254
"""Characters (RFC 5321, section 4.5.3.1.3); it keeps the demo's cookie sessions small."""
LONGEST_USER_AGENT = 256
"""Characters."""
FORGET_PAGES = {"Clear-Site-Data": '"cache"'}
"""Headers of a logout's response (OWASP ASVS 5, 14.3.1): also the back-forward cache lets go of every page.
By `no-store` alone Chromium does not: the page to which a login form led still comes back."""


async def counter(request: Request) -> Response:
    session = await opened(request)
    return Page(request, "counter.html", visits=session.increment(COUNTER))


async def read(request: Request) -> Response:
    session = await opened(request)
    session.touch()
    return JSONResponse({"counter": session.get(COUNTER, 0)})


async def login_form(request: Request) -> Response:
    session = await opened(request)
    return Page(request, "login.html", action="/login", **form_values(session))


def form_values(session: Session) -> dict[str, Any]:
    """What the login page shows of the session."""
    return {
        "flashed": [key for key in (BEFORE_LOGIN, "message", "error") if session.is_flash(key)],
        "before_login": session.get(BEFORE_LOGIN),
        "email": session.get(EMAIL),
        "attempts": session.get(ATTEMPTS, 0),
        "error": session.get("error"),
        "message": session.get("message"),
    }


async def log_in(request: Request) -> Response:
    """With `?after-save=` the login is saved, and then waits at this gate before it is answered."""
    given = await form_fields(request)
    session = await opened(request)
    email = given.get("email", "").strip()[:LONGEST_EMAIL]
    attempts = demo(request).attempts
    before = shortened(session)
    if attempts.is_closed(email):
        session.flash("error", "Too many failed attempts. Try again in a quarter of an hour.")
    elif email and is_right(given.get("password", "")):
        attempts.succeeded(email)
        session.forget(ATTEMPTS)
        sign_in(request, session, email)
        choose_at_login(session, given)  # after the change of owner, who inherits no such choice
        session.flash("message", "Login Successful")
        session.flash(BEFORE_LOGIN, {"id": before})
    else:
        attempts.failed(email)
        session.increment(ATTEMPTS)  # to be shown; what counts is on the server
        session.flash("error", "Incorrect username or password")
    if "after-save" in request.query_params:
        await session.save()
        await gate(request, "after-save")
    return RedirectResponse(url(request, "/login"), status_code=303)


def sign_in(request: Request, session: Session, email: str) -> None:
    session.set(EMAIL, email)
    session.set(USER_AGENT, request.headers.get("user-agent", "")[:LONGEST_USER_AGENT])
    # By it the store finds all of this user's sessions (OWN-1). The change gives the session a new id, so
    # that one from before the login is worth nothing after it (ROT-3, SEC-3).
    session.owner = email
    session.reauthenticate()  # if it was the owner before, nothing has changed but the time of the login


def is_right(password: str) -> bool:
    """All accounts of the demo have one password. An app compares with a slow hash, such as Argon2's."""
    return hmac.compare_digest(password.encode(), PASSWORD.encode())


async def log_out(request: Request) -> Response:
    session = await opened(request)
    session.destroy()
    return RedirectResponse(url(request, "/login"), status_code=303, headers=FORGET_PAGES)


async def whoami(request: Request) -> Response:
    session = await opened(request)
    end = session.expires_at
    now, login = datetime.now(UTC), session.authenticated_at
    return JSONResponse(
        {
            "email": session.get(EMAIL),
            "is_new": session.is_new,
            "expires_in": end and (end - now).total_seconds(),
            "signed_in_for": login and (now - login).total_seconds(),
        }
    )
