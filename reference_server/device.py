"""Sessions that are bound to a device, and what a copy of their cookies is worth elsewhere (BIND-1, DEMO-4).

The server itself plays the thief. It sends its own app a request that has nothing of the browser but a copy
of its cookies. The copy goes to the page and comes back with its form, sealed: the server keeps none.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Scope

from reference_server.demo import demo, form_fields, opened, url
from reference_server.inspector import Page, duration
from sessions import iron

LOOT: Final = "stolen cookies"
"""The purpose of the seal: it is no cookie, and opens nothing."""
OF_THE_SERVER: Final = ("type", "asgi", "http_version", "scheme", "server", "root_path")
"""What a request's scope has whoever sends it."""
THIEF: Final = ("192.0.2.66", 6666)
"""Where the thief's request comes from. The address is in nobody's network (RFC 5737)."""


@dataclass(frozen=True)
class Loot:
    """The copy: name → value of the profile's cookies, and when it was made, in seconds since the epoch."""

    cookies: dict[str, str]
    stolen_at: float

    @classmethod
    def of(cls, request: Request) -> Loot:
        prefix = demo(request).profile.cookie
        return cls(
            {name: value for name, value in request.cookies.items() if name.startswith(prefix)}, time.time()
        )

    def sealed(self, key: str) -> str:
        return iron.seal([self.cookies, self.stolen_at], key, purpose=LOOT)

    @classmethod
    def unsealed(cls, text: str, key: str) -> Loot:
        """Raises a 400 `HTTPException` for what this server has not sealed."""
        try:
            cookies, stolen_at = iron.unseal(text, key, purpose=LOOT)
        except iron.InvalidSeal:
            raise HTTPException(400, "These cookies were not stolen here.") from None
        return cls(cookies, stolen_at)


async def page(request: Request) -> Response:
    session = await opened(request)
    return Page(request, "theft.html", email=session.get("email"), loot=None)


async def steal(request: Request) -> Response:
    """Copies the browser's cookies, or takes the copy that the form brings, and goes elsewhere with it."""
    given = await form_fields(request)
    session = await opened(request)
    key = demo(request).key
    loot = Loot.unsealed(given["loot"], key) if "loot" in given else Loot.of(request)
    answer = await visit_elsewhere(request, loot)
    return Page(
        request,
        "theft.html",
        email=session.get("email"),
        loot=loot.sealed(key),
        stolen=list(loot.cookies),
        age=duration(time.time() - loot.stolen_at),
        thief=answer["email"],
    )


async def visit_elsewhere(request: Request, loot: Loot) -> Any:
    """What `/whoami` answers to somebody in another place who has these cookies."""
    path = url(request, "/whoami")
    cookies = "; ".join(f"{name}={value}" for name, value in loot.cookies.items())
    scope: Scope = {name: request.scope[name] for name in OF_THE_SERVER if name in request.scope} | {
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", request.headers["host"].encode()), (b"cookie", cookies.encode())],
        "client": THIEF,
    }
    body = b""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal body
        body += message.get("body", b"")

    await request.app(scope, receive, send)
    return json.loads(body)


routes = [
    Route("/theft", page),
    Route("/theft", steal, methods=["POST"]),
]
