"""A small app that has moved in: with Starlette's own sessions before, and with ours after it.

`uvicorn --factory e2e.server.moved_in_app:old` is the app before the move, `…:new` is the app after it. The
environment says the name of the old cookie, `MOVED_COOKIE`, and the URL of our store, `MOVED_STORE`.
"""

from __future__ import annotations

import os
import secrets
from html import escape
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as StarlettesMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sessions import SessionMiddleware
from sessions.moving import StarletteCookie

COOKIE: Final = "MOVED_COOKIE"
STORE: Final = "MOVED_STORE"
SECRET: Final = "the secret of the app before it moved"
USER: Final = "ada"

FORM: Final = """\
<!doctype html>
<title>Sign in</title>
<form method="post"><input name="user"><button type="submit">Sign in</button></form>
"""


async def ready(request: Request) -> Response:
    return JSONResponse({})


async def login(request: Request) -> Response:
    if request.method == "GET":
        return HTMLResponse(FORM)
    async with request.form() as form:
        request.session["user"] = form["user"]
    request.session["cart"] = ["bread"]
    # As apps do against forged requests. It also sets two logins of one second apart, whose signed cookies
    # would be the same text.
    request.session["csrf"] = secrets.token_urlsafe()
    return RedirectResponse("/account", status_code=303)


async def account(request: Request) -> Response:
    if (user := request.session.get("user")) is None:
        return RedirectResponse("/login", status_code=303)
    return HTMLResponse(f"<!doctype html><title>Account</title><h1>{escape(user)}</h1>")


async def cart(request: Request) -> Response:
    """With `?item=` it is put into the cart."""
    if item := request.query_params.get("item"):
        request.session["cart"] = [*request.session.get("cart", []), item]
    return JSONResponse({"cart": request.session.get("cart", [])})


async def logout(request: Request) -> Response:
    request.session.clear()
    return HTMLResponse("<!doctype html><title>Goodbye</title>")


def app(sessions: Middleware) -> Starlette:
    return Starlette(
        routes=[
            Route("/ready", ready),
            Route("/login", login, methods=["GET", "POST"]),
            Route("/account", account),
            Route("/cart", cart),
            Route("/logout", logout),
        ],
        middleware=[sessions],
    )


def old() -> Starlette:
    return app(
        Middleware(StarlettesMiddleware, secret_key=SECRET, session_cookie=os.environ.get(COOKIE, "session"))
    )


def new() -> Starlette:
    cookie = StarletteCookie(
        SECRET, os.environ.get(COOKIE, "session"), owner=lambda data: data.get("user") or None
    )
    return app(
        Middleware(
            SessionMiddleware,
            store=os.environ.get(STORE, "memory:"),
            encryption_key=secrets.token_urlsafe(32),
            adopt=[cookie],
        )
    )
