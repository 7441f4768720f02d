"""More pages for an app of Litestar."""

from typing import Any

from litestar import Litestar, Request, Response, WebSocket, get, websocket
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream

from framework_pages.after import late, stream, task
from sessions import get_session


def add_pages(app: Litestar) -> None:
    @get("/read")
    async def read(request: Request[Any, Any, Any]) -> dict[str, Any]:
        return dict(request.session)

    @get("/untouched")
    async def untouched() -> None:
        pass

    @get("/lose")
    async def lose(request: Request[Any, Any, Any]) -> Response[None]:
        request.session["lost"] = 1
        return Response(None, status_code=500)

    @get("/stream")
    async def streamed(request: Request[Any, Any, Any]) -> Stream:
        return Stream(stream(get_session(request)))

    @get("/late")
    async def streamed_late(request: Request[Any, Any, Any]) -> Stream:
        return Stream(late(get_session(request)))

    @get("/task")
    async def tasked(request: Request[Any, Any, Any]) -> Response[None]:
        return Response(None, background=BackgroundTask(task, get_session(request)))

    @websocket("/socket")
    async def socket(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        session = get_session(socket)
        session.increment("visits")
        await session.save()
        await socket.send_json(dict(session))
        await socket.close()

    for handler in (read, untouched, lose, streamed, streamed_late, tasked, socket):
        app.register(handler)
