"""`python -m bench.server SUBJECT FD`: uvicorn with one subject, on a socket that listens already.

`/cpu` answers with the seconds of the processor's time that this process has taken so far.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import Any

import uvicorn

from bench.apps import Asgi
from bench.in_process import PLACE
from bench.subjects import BARE, GROUPS, bare


def with_clock(inner: Asgi) -> Asgi:
    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/cpu":
            await inner(scope, receive, send)
            return
        body = repr(time.process_time()).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return served


def main() -> None:
    name, fd = sys.argv[1:]
    makes = {subject.name: subject.make for group in GROUPS for subject in group.subjects}
    make = {**makes, BARE: bare}[name]
    config = uvicorn.Config(
        lambda: with_clock(make(os.environ.get(PLACE, ""))),
        factory=True,  # made where the event loop runs, as clients of databases demand
        access_log=False,
        log_level="error",
        loop="uvloop",
        http="httptools",
        lifespan="off",
        timeout_keep_alive=600,  # its connections wait while the other servers have their turn
        ws="none",
    )
    uvicorn.Server(config).run([socket.socket(fileno=int(fd))])


if __name__ == "__main__":
    main()
