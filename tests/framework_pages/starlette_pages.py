"""More pages for an app of Starlette."""

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from framework_pages.after import late, stream, task
from sessions import get_session


def add_pages(app: Starlette) -> None:
    async def read(request: Request) -> Response:
        return JSONResponse(dict(get_session(request)))

    async def untouched(request: Request) -> Response:
        return PlainTextResponse("")

    async def lose(request: Request) -> Response:
        get_session(request)["lost"] = 1
        return PlainTextResponse("", 500)

    async def streamed(request: Request) -> Response:
        return StreamingResponse(stream(get_session(request)))

    async def streamed_late(request: Request) -> Response:
        return StreamingResponse(late(get_session(request)))

    async def tasked(request: Request) -> Response:
        return PlainTextResponse("", background=BackgroundTask(task, get_session(request)))

    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        session = get_session(socket)
        session.increment("visits")
        await session.save()
        await socket.send_json(dict(session))
        await socket.close()

    pages = {
        "read": read,
        "untouched": untouched,
        "lose": lose,
        "stream": streamed,
        "late": streamed_late,
        "task": tasked,
    }
    app.router.routes.extend(Route(f"/{name}", page) for name, page in pages.items())
    app.router.routes.append(WebSocketRoute("/socket", socket))
