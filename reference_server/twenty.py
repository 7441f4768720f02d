"""Twenty requests of one browser at once, counted exactly and counted naively, side by side (CONC-2, CONC-3).

Only a script sends twenty requests at once, so this is the one page that has one, a file of the demo's own.
It cannot see how many cookies an answer sets, so the answers tell it.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from reference_server.demo import demo, opened
from reference_server.headers import policy
from reference_server.inspector import Page
from reference_server.observer import observed
from sessions import Session

EXACT: Final = "twenty-exact"
NAIVE: Final = "twenty-naive"


class Counted(Response):
    """Starts, and tells then what was saved and how many cookies were set: both are settled by the start."""

    media_type = "application/json"

    def __init__(self, session: Session, key: str) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers()
        self._session = session
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        facts = JSONResponse({"value": self._session[self._key], "cookies": len(observed(scope).cookies)})
        await send({"type": "http.response.body", "body": facts.body})


async def page(request: Request) -> Response:
    await opened(request)
    response = Page(request, "twenty.html", exact=EXACT, naive=NAIVE)
    response.headers["Content-Security-Policy"] = policy(
        script_src="'self'", frame_ancestors=demo(request).profile.frame_ancestors
    )
    return response


async def begin(request: Request) -> Response:
    """Twenty requests without a session would each begin one of their own."""
    session = await opened(request)
    return JSONResponse({"exact": session.setdefault(EXACT, 0), "naive": session.setdefault(NAIVE, 0)})


async def exact(request: Request) -> Response:
    session = await opened(request)
    session.increment(EXACT)
    return Counted(session, EXACT)


async def naive(request: Request) -> Response:
    session = await opened(request)
    session[NAIVE] = session.get(NAIVE, 0) + 1
    return Counted(session, NAIVE)


routes = [
    Route("/lab/twenty", page),
    Route("/lab/twenty/begin", begin, methods=["POST"]),
    Route("/lab/twenty/exact", exact, methods=["POST"]),
    Route("/lab/twenty/naive", naive, methods=["POST"]),
]
