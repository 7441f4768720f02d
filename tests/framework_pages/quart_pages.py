"""More pages for an app of Quart."""

from typing import Any

from quart import Quart, flash, get_flashed_messages, request, session, websocket

from framework_pages.after import late, stream, task
from sessions import get_session


def add_pages(app: Quart) -> None:
    app.secret_key = "a key for Quart's own session"

    @app.get("/read")
    async def read() -> dict[str, Any]:
        return dict(get_session(request))

    @app.get("/untouched")
    async def untouched() -> str:
        return ""

    @app.get("/lose")
    async def lose() -> tuple[str, int]:
        get_session(request)["lost"] = 1
        return "", 500

    @app.get("/stream")
    async def streamed() -> Any:
        return stream(get_session(request))

    @app.get("/late")
    async def streamed_late() -> Any:
        return late(get_session(request))

    @app.get("/task")
    async def tasked() -> str:
        app.add_background_task(task, get_session(request))
        return ""

    @app.websocket("/socket")
    async def socket() -> None:
        ours = get_session(websocket)
        await websocket.accept()
        ours.increment("visits")
        await ours.save()
        await websocket.send_json(dict(ours))

    @app.get("/own")
    async def own() -> list[str]:
        session["theirs"] = 1
        shown = get_flashed_messages()
        await flash("hello")
        return [str(message) for message in shown]
