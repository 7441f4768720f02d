"""Changes after the response has started: streams, background tasks and websockets (SAVE-3, SAVE-4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from reference_server.demo import fields, gate, opened, session_of
from reference_server.observer import observed
from sessions import Session, SessionError


async def change(request: Request, session: Session, given: Mapping[str, str]) -> None:
    """The change itself; `Observer` notes what became of it when the request has ended."""
    await gate(request)
    session.set(given.get("key") or "late", given.get("value") or "changed")
    if given.get("save") == "1":
        await session.save()
        observed(request.scope).outcome = "saved"


async def stream(request: Request) -> Response:
    session = session_of(request)
    given = await fields(request)
    len(session)

    async def chunks() -> AsyncIterator[str]:
        yield "first\n"
        await change(request, session, given)
        yield "second\n"

    return StreamingResponse(chunks(), media_type="text/plain")


async def background(request: Request) -> Response:
    session = session_of(request)
    given = await fields(request)
    len(session)
    return PlainTextResponse(
        "The answer is out, the work goes on.\n", background=BackgroundTask(change, request, session, given)
    )


async def websocket(socket: WebSocket) -> None:
    """On connect all values; then an answer to each message, `{"ok": true}` or the error.

    A message is any of `{"set": [key, value], "touch": true, "save": true}`, or `{"refresh": true}`, which
    reads the session again and is answered with all values.

    With `?key=…&value=…` that is set before the handshake is answered, whose response may bring a cookie.
    """
    session = await opened(socket)
    if key := socket.query_params.get("key"):
        session.set(key, socket.query_params.get("value", ""))
    await socket.accept()
    await socket.send_json({"keys": dict(session)})
    try:
        while True:
            await answer(socket, session, await socket.receive_json())
    except WebSocketDisconnect:
        pass


async def answer(socket: WebSocket, session: Session, asked: Any) -> None:
    try:
        if "set" in asked:
            key, value = asked["set"]
            session.set(key, value)
        if asked.get("touch"):
            session.touch()
        if asked.get("save"):
            await session.save()
        if asked.get("refresh"):
            await session.refresh()
            await socket.send_json({"keys": dict(session)})
        else:
            await socket.send_json({"ok": True})  # is refused, and the change dropped, if that was not saved
    except (SessionError, TypeError, ValueError, AttributeError) as error:
        await socket.send_json({"error": type(error).__name__})


routes = [
    Route("/lab/stream", stream),
    Route("/lab/background", background, methods=["POST"]),
    WebSocketRoute("/lab/ws", websocket),
]
