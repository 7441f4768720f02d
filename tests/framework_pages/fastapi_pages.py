"""More pages for an app of FastAPI."""

from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, Response, WebSocket
from fastapi.responses import StreamingResponse

from framework_pages.after import late, stream, task
from sessions import Session, get_session

CurrentSession = Annotated[Session, Depends(get_session)]


def add_pages(app: FastAPI) -> None:
    @app.get("/read")
    async def read(session: CurrentSession) -> dict[str, Any]:
        return dict(session)

    @app.get("/untouched")
    async def untouched() -> None:
        pass

    @app.get("/lose")
    async def lose(session: CurrentSession, response: Response) -> None:
        session["lost"] = 1
        response.status_code = 500

    @app.get("/stream")
    async def streamed(session: CurrentSession) -> StreamingResponse:
        return StreamingResponse(stream(session))

    @app.get("/late")
    async def streamed_late(session: CurrentSession) -> StreamingResponse:
        return StreamingResponse(late(session))

    @app.get("/task")
    async def tasked(session: CurrentSession, tasks: BackgroundTasks) -> None:
        tasks.add_task(task, session)

    @app.websocket("/socket")
    async def socket(socket: WebSocket, session: CurrentSession) -> None:
        await socket.accept()
        session.increment("visits")
        await session.save()
        await socket.send_json(dict(session))
        await socket.close()
