"""The app as worker processes serve it: they tell when all are up, and never outlive their parent."""

from __future__ import annotations

import asyncio.constants
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reference_server import settings
from reference_server.app import create_app

logger = logging.getLogger("reference_server")

APP_FAILED: Final = 3
"""Exit status of a worker that cannot start: uvicorn and gunicorn take it as "do not try again"."""
GOOD_BYE: Final = 0.5
"""Seconds."""
PARENT_POLL: Final = 0.5
"""Seconds between two looks whether the parent is still there."""


def create() -> ASGIApp:
    """The factory that workers import, or call after their fork."""
    hurry_tls()
    threading.Thread(target=follow_parent, args=[os.getppid()], daemon=True).start()
    try:
        return StartWatch(create_app(), then=answer_the_roll)
    except (OSError, ValueError) as error:
        logger.error("the app did not start: %s", error)
        raise SystemExit(APP_FAILED) from None


def hurry_tls() -> None:
    """Closing a connection, asyncio waits half a minute for the client's TLS good-bye; servers only wait."""
    setattr(asyncio.constants, "SSL_SHUTDOWN_TIMEOUT", GOOD_BYE)  # noqa: B010 (typed as final)


def follow_parent(parent: int) -> None:
    """End when the parent was killed and cannot tell us to. Nobody signals the death of a parent."""
    while os.getppid() == parent:
        time.sleep(PARENT_POLL)
    os.kill(os.getpid(), signal.SIGTERM)


class StartWatch:
    """Knows whether the app has started, and tells."""

    def __init__(self, app: ASGIApp, then: Callable[[], None] = lambda: None) -> None:
        self.started = False
        self.complaint = "the app did not start"
        self._app = app
        self._then = then

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def noting(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and message.get("message"):
                self.complaint = message["message"].strip().splitlines()[-1]
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self.started = True
                self._then()

        await self._app(scope, receive, noting)


def answer_the_roll() -> None:
    """Note in the folder that we are up; the last to do so says for all of us where we listen."""
    folder = Path(os.environ[settings.ROLL])
    (folder / f"{os.getpid()}.up").touch()
    url = os.environ.get(settings.URL)
    if url and is_complete(folder, int(os.environ[settings.WORKERS])):
        try:
            (folder / "announced").touch(exist_ok=False)
        except FileExistsError:  # by a worker that got here at the same time, or by those before us
            return
        announce(url)


def is_complete(folder: Path, workers: int) -> bool:
    return sum(1 for _ in folder.glob("*.up")) >= workers


def announce(url: str) -> None:
    print(f"listening on {url}", flush=True)  # noqa: T201
