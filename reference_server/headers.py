"""What each response of the demo forbids the browser (OWASP ASVS 5, 3.4).

None of it costs a page anything that keeps scripts and styles in files of its own.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY: Final = {
    # Above all no script. The one page that has one, a file of the demo's own, allows it for itself.
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",  # for the browser tests, whose requests come from these pages
    "form-action": "'self'",  # what somebody types here goes to nobody else
    "base-uri": "'none'",
    "frame-ancestors": "'none'",  # no other page shows this one and has people click on it
}


def policy(**instead: str) -> str:
    """A `Content-Security-Policy`, with other sources for some directives: `policy(frame_src="…")`."""
    changed = {name.replace("_", "-"): sources for name, sources in instead.items()}
    return "; ".join(f"{name} {sources}" for name, sources in (_POLICY | changed).items())


class SecurityHeaders:
    """Adds the headers that the response has not set itself."""

    def __init__(self, app: ASGIApp, content_security_policy: str = policy()) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": content_security_policy,
            # A text that looks like HTML or a script stays the text that it is.
            "X-Content-Type-Options": "nosniff",
            # Other sites do not learn from which page somebody comes. `no-referrer` would go too far: with it
            # a browser's own forms say `Origin: null` (Fetch, "append a request Origin header").
            "Referrer-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
