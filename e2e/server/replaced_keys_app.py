"""One site before, while and after its encryption key is replaced.

`uvicorn --factory e2e.server.replaced_keys_app:app` runs it.

A folder of the site stands for each step of the roll-out. All have the same cookie and the same store, whose
URL is in `REPLACED_KEYS_STORE`.
"""

from __future__ import annotations

import os
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from sessions import SessionMiddleware, open_store

STORE: Final = "REPLACED_KEYS_STORE"
OLD: Final = "the key of last year, which is long enough"
NEW: Final = "the key of this year, which is as long as it"
STEPS: Final = {
    "before": [OLD],
    "new-key-opens": [OLD, NEW],
    "new-key-seals": [NEW, OLD],
    "old-key-dropped": [NEW],
}
"""Each step's folder, and the keys that it has."""


async def login(request: Request) -> Response:
    request.session["user"] = "ada"
    return JSONResponse({})


async def user(request: Request) -> Response:
    return JSONResponse({"user": request.session.get("user")})


async def ready(request: Request) -> Response:
    return JSONResponse({})


def app() -> Starlette:
    store = open_store(os.environ[STORE])
    routes = [Route("/login", login), Route("/user", user), Route("/ready", ready)]
    return Starlette(
        routes=[
            Mount(f"/{step}", SessionMiddleware(Starlette(routes=routes), store, encryption_key=keys))
            for step, keys in STEPS.items()
        ]
    )
