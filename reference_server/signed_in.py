"""Your sessions: where a user is signed in, and signing out there.

OWN-1 and OWN-2; OWASP ASVS 5, 7.4.2, 7.4.3, 7.4.5 and 7.5.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from reference_server.demo import demo, form_fields, opened, required, url, wants_page
from reference_server.inspector import Page, duration
from reference_server.pages import FORGET_PAGES, USER_AGENT
from sessions import CookieStore, OwnedSession, Session, Store

BROWSERS: Final = {
    "Edge": r"Edg/(\d+)",
    "Opera": r"OPR/(\d+)",
    "Firefox": r"Firefox/(\d+)",
    "Chromium": r"(?:Headless)?Chrome/(\d+)",
    "Safari": r"Version/(\d+).* Safari/",
}
"""In this order: all but Firefox also call themselves by the names of those below them."""
SYSTEMS: Final = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


@dataclass(frozen=True)
class Row:
    key: str
    browser: str
    age: str
    is_this: bool
    is_bound: bool


async def page(request: Request) -> Response:
    session = await opened(request)
    rows: list[Row] | None = None
    why_not = None
    if session.owner is not None:
        try:
            this = session.key
            rows = [row(found, this) for found in await store_of(request).sessions_of(session.owner)]
        except NotImplementedError as reason:
            why_not = str(reason)
    return Page(
        request,
        "sessions.html",
        email=session.owner,
        rows=rows,
        why_not=why_not,
        message=session.get("message"),
    )


async def end(request: Request) -> Response:
    key = required(await form_fields(request), "key")
    session = await opened(request)
    store, owner = signed_in(request, session)
    if key not in {found.key for found in await store.sessions_of(owner)}:
        # Never by the key alone: it is what another user's page shows (OWN-2).
        raise HTTPException(404, "You have no such session; it may have ended meanwhile.")
    if key == session.key:
        session.destroy()
        response = done(request, "/login", ended=1)
        response.headers.update(FORGET_PAGES)
        return response
    await store.destroy(key, owner=owner)
    session.flash("message", "That session is signed out.")
    return done(request, "/sessions", ended=1)


async def end_others(request: Request) -> Response:
    session = await opened(request)
    store, owner = signed_in(request, session)
    ended = await store.destroy_all(owner, except_key=session.key)
    session.flash("message", "You are signed out everywhere else.")
    return done(request, "/sessions", ended=ended)


def store_of(request: Request) -> Store:
    """Raises `NotImplementedError`, with the reason for the user, where no sessions can be listed."""
    store = demo(request).store
    if isinstance(store, CookieStore):
        raise NotImplementedError(
            "Each session travels in its browser's cookie, and the server keeps no list of them."
        )
    if not isinstance(store, Store) or type(store).owned_by is Store.owned_by:
        raise NotImplementedError("This store keeps no index of whom its sessions belong to.")
    return store


def signed_in(request: Request, session: Session) -> tuple[Store, str]:
    """The store and the user. Raises a 401, or a 501 where no sessions can be listed."""
    if session.owner is None:
        raise HTTPException(401, "Sign in first.")
    try:
        return store_of(request), session.owner
    except NotImplementedError as reason:
        raise HTTPException(501, str(reason)) from reason


def row(found: OwnedSession, this: str | None) -> Row:
    age = (datetime.now(UTC) - found.created_at).total_seconds()
    return Row(
        found.key,
        browser_of(found.data.get(USER_AGENT, "")),
        duration(age),
        found.key == this,
        found.is_device_bound,
    )


def browser_of(user_agent: str) -> str:
    """What a person calls it: "Firefox 140 on Linux". For showing only: anybody can send any such header."""
    found = ((name, re.search(pattern, user_agent)) for name, pattern in BROWSERS.items())
    browser = next((f"{name} {match[1]}" for name, match in found if match), "")
    system = next((system for sign, system in SYSTEMS.items() if sign in user_agent), "")
    return " on ".join(filter(None, (browser, system))) or user_agent.partition(" ")[0] or "Unknown browser"


def done(request: Request, path: str, *, ended: int) -> Response:
    if wants_page(request):
        return RedirectResponse(url(request, path), status_code=303)
    return JSONResponse({"ok": True, "ended": ended})


routes = [
    Route("/sessions", page),
    Route("/sessions/end", end, methods=["POST"]),
    Route("/sessions/end-others", end_others, methods=["POST"]),
]
