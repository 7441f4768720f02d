"""A small app with logins that were written for Starlette's sessions, on ours: nobody has added a `rotate()`.

`uvicorn e2e.server.login_libraries_app:app`, with the store's URL in `LOGIN_LIBRARIES_STORE`. Each login
knows one user, and keeps in `request.session` who it is: a handwritten one, sqladmin's and starlette-admin's,
as their manuals show it.
"""

from __future__ import annotations

import os
from html import escape
from typing import Final

from sqladmin import Admin as SQLAdmin
from sqladmin.authentication import AuthenticationBackend
from sqlalchemy import create_engine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette_admin.auth import AdminUser, AuthProvider, LoginFailed
from starlette_admin.contrib.sqla import Admin as StarletteAdmin

from sessions import SessionMiddleware
from sessions.stores import Storage

STORE: Final = "LOGIN_LIBRARIES_STORE"
USER: Final = "ada"
PASSWORD: Final = "correct"
LOGINS: Final = {
    "handwritten": "/account",
    "sqladmin": "/sqladmin/",
    "starlette-admin": "/starlette-admin/",
}
"""Of each login the page that only signed-in people see; anybody else is sent to its form."""

FORM: Final = """\
<!doctype html>
<title>Sign in</title>
<form method="post">
<input name="username"><input name="password" type="password"><button type="submit">Sign in</button>
</form>
"""


def is_right(username: object, password: object) -> bool:
    return (username, password) == (USER, PASSWORD)


async def cart(request: Request) -> Response:
    """With `?item=` it is put into the cart. That is all that happens before a login."""
    if item := request.query_params.get("item"):
        request.session.setdefault("cart", []).append(item)
    return JSONResponse({"cart": request.session.get("cart", [])})


async def ready(request: Request) -> Response:
    return JSONResponse({})


async def login(request: Request) -> Response:
    if request.method == "GET":
        return HTMLResponse(FORM)
    form = await request.form()
    if not is_right(form.get("username"), form.get("password")):
        return HTMLResponse(FORM, status_code=401)
    request.session["user"] = form["username"]
    return RedirectResponse("/account", status_code=303)


async def account(request: Request) -> Response:
    if (user := request.session.get("user")) is None:
        return RedirectResponse("/login", status_code=303)
    return HTMLResponse(f"<!doctype html><title>Account</title><h1>{escape(user)}</h1>")


class SQLAdminLogin(AuthenticationBackend):
    def __init__(self) -> None:
        super().__init__(secret_key="")
        self.middlewares = []  # else it has a session of Starlette's own, further in than the app's

    async def login(self, request: Request) -> bool:
        form = await request.form()
        if is_right(form.get("username"), form.get("password")):
            request.session.update({"token": f"of {USER}"})
            return True
        return False

    async def logout(self, request: Request) -> bool:
        request.session.clear()
        return True

    async def authenticate(self, request: Request) -> bool:
        return "token" in request.session


class StarletteAdminLogin(AuthProvider):
    async def login(self, username: str, password: str, remember_me: bool, request: Request) -> None:
        if not is_right(username, password):
            raise LoginFailed("Invalid username or password")
        request.session["username"] = username

    async def authenticate(self, request: Request) -> AdminUser | None:
        user = request.session.get("username")
        return AdminUser(username=user) if user else None

    async def logout(self, request: Request) -> None:
        request.session.clear()


def create_app(store: Storage | str, encryption_key: str | None = None) -> Starlette:
    app = Starlette(
        routes=[
            Route("/ready", ready),
            Route("/cart", cart),
            Route("/login", login, methods=["GET", "POST"]),
            Route("/account", account),
        ],
        middleware=[Middleware(SessionMiddleware, store=store, encryption_key=encryption_key)],
    )
    engine = create_engine("sqlite://")
    SQLAdmin(app, engine, base_url="/sqladmin", authentication_backend=SQLAdminLogin())
    StarletteAdmin(
        engine,
        base_url="/starlette-admin",
        route_name="starlette-admin",
        auth_provider=StarletteAdminLogin(),
        secret_key="a key for its own cookies, which are none of sessions",
    ).mount_to(app)
    return app


def app() -> Starlette:
    return create_app(os.environ[STORE])
