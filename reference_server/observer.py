"""Sits outside the session middlewares and notes what really left: cookies set, and how requests ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_server.gates import Outcomes

_KEY = "reference_server.observed"


@dataclass
class Observed:
    """`cookies` are the names of the cookies that the response sets, known once it has started.

    `outcome` is what a late change reports of itself; it stays empty when nothing came of it.
    """

    cookies: list[str] = field(default_factory=list)
    outcome: str = ""


def observed(scope: Scope) -> Observed:
    return cast(Observed, scope[_KEY])


class Observer:
    def __init__(self, app: ASGIApp, outcomes: Outcomes) -> None:
        self._app = app
        self._outcomes = outcomes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        seen = scope[_KEY] = Observed()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                lines = Headers(raw=message.get("headers", [])).getlist("set-cookie")
                seen.cookies = [line.partition("=")[0] for line in lines]
            await send(message)

        token = QueryParams(scope["query_string"]).get("token")
        try:
            await self._app(scope, receive, noting)
        except BaseException as error:  # some servers cancel a request whose browser has gone away
            if token:
                self._outcomes.put(token, type(error).__name__)
            raise
        if token:
            # "silent" is the one answer that must never be seen: a change that was neither saved nor refused.
            self._outcomes.put(token, seen.outcome or "silent")
