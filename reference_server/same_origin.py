"""Refuses what a page of another site makes a browser send: forged forms, and websockets.

`SameSite=Lax` is not enough. It lets pages of sibling subdomains through, as they are the same site. It does
nothing for a login form, which needs no cookie: another site could sign somebody in to an account of its own.
So each request that may change something has to say that it comes from here. The browser says so in headers
that no page can set (OWASP ASVS 5, 3.5.1 and 4.4.2). Go has the same rules (`http.CrossOriginProtection`):

- `Sec-Fetch-Site` is `same-origin`, or `none` for what a person has done without a page.
- Browsers older than that, and all over plain http, say `Origin`: the host of the page that sends.
- Who says neither is no browser, so nobody's cookies are abused.

`GET` and `HEAD` are let through, so no handler may change anything of importance in them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""RFC 9110, section 9.2.1, but for TRACE."""


class SameOrigin:
    """A request from elsewhere gets 403 and reaches no session."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and not _is_from_here(scope):
            refusal = PlainTextResponse("This was sent by a page of another site.\n", status_code=403)
            await refusal(scope, receive, send)
        elif scope["type"] == "websocket" and not _has_our_origin(Headers(scope=scope)):
            # A websocket begins with a GET, which brings cookies along and is not held by CORS.
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
        else:
            await self._app(scope, receive, send)


def _is_from_here(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    said = headers.get("sec-fetch-site")
    return said in ("same-origin", "none") if said else _has_our_origin(headers)


def _has_our_origin(headers: Headers) -> bool:
    """Only the host is compared: behind a proxy that ends TLS the app does not know its own scheme."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
