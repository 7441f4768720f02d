"""The reference server's routes for libraries whose session is a plain `request.session` mapping.

What such a library has no method for is written as its users would write it: a flash value is a key that is
popped, an increment reads and assigns.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, cast

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from e2e.targets.python import pages
from reference_server.gates import Gates, Outcomes

PROFILES: dict[str, tuple[str, int | None, bool]] = {
    "/short": ("short", 2, True),
    "/fixed": ("fixed", 2, False),
    "/browser": ("browser", None, True),
    "/sealed": ("sealed", 1800, True),
    "/split": ("split", 1800, True),
    "": ("session", 1800, True),
}
"""Prefix → cookie, idle timeout in seconds, whether activity extends it. None of the peers knows more."""

CART = "e2e.cart"


class Library(ABC):
    """What differs between the peers."""

    has_two_sessions = True
    """Whether a request can have a second one; else the app has no pages for it."""

    @abstractmethod
    def wrap(self, app: ASGIApp, cookie: str, expire_after: int | None, extend: bool) -> ASGIApp:
        """The app behind the library's middleware."""

    async def session(self, connection: HTTPConnection) -> MutableMapping[str, Any]:
        return connection.session

    @abstractmethod
    async def rotate(self, connection: HTTPConnection) -> None: ...

    async def destroy(self, connection: HTTPConnection) -> None:
        connection.session.clear()

    @abstractmethod
    def touch(self, connection: HTTPConnection) -> None: ...


class Peer:
    """The routes of one profile."""

    def __init__(self, library: Library, prefix: str, gates: Gates, outcomes: Outcomes) -> None:
        self.tested, self.prefix, self.gates, self.outcomes = library, prefix, gates, outcomes

    async def session(self, connection: HTTPConnection) -> MutableMapping[str, Any]:
        session = await self.tested.session(connection)
        if name := connection.query_params.get("gate"):
            len(session)
            await self.gates.wait(name)
        return session

    async def counter(self, request: Request) -> Response:
        session = await self.session(request)
        session["counter"] = session.get("counter", 0) + 1
        return HTMLResponse(pages.counter(self.prefix, session["counter"]))

    async def read(self, request: Request) -> Response:
        self.tested.touch(request)
        return JSONResponse({"counter": (await self.session(request)).get("counter", 0)})

    async def whoami(self, request: Request) -> Response:
        return JSONResponse({"email": (await self.session(request)).get("email"), "expires_in": None})

    async def login_form(self, request: Request) -> Response:
        session = await self.session(request)
        values = {"email": session.get("email"), "attempts": session.get("failed-login-attempts")}
        values |= {"error": session.pop("error", None), "message": session.pop("message", None)}
        return HTMLResponse(pages.login(self.prefix, values))

    async def log_in(self, request: Request) -> Response:
        session = await self.session(request)
        form = await request.form()
        if form.get("email") and form.get("password") == "correct":
            await self.tested.rotate(request)
            session.pop("failed-login-attempts", None)
            session["email"] = form["email"]
            session["message"] = "Login Successful"
        else:
            session["failed-login-attempts"] = session.get("failed-login-attempts", 0) + 1
            session["error"] = "Incorrect username or password"
        return RedirectResponse(f"{self.prefix}/login", 303)

    async def log_out(self, request: Request) -> Response:
        await self.session(request)
        await self.tested.destroy(request)
        return RedirectResponse(f"{self.prefix}/login", 303)

    async def lab(self, request: Request) -> Response:
        len(await self.session(request))
        return HTMLResponse(pages.lab())

    async def untouched(self, request: Request) -> Response:
        return PlainTextResponse("This page never looks at the session.\n")

    async def public(self, request: Request) -> Response:
        session = await self.session(request)
        session["public"] = session.get("public", 0) + 1
        return PlainTextResponse("Cache me.\n", headers={"cache-control": "public, max-age=60"})

    async def all(self, request: Request) -> Response:
        session = await self.session(request)
        return JSONResponse({key: session[key] for key in session if key not in ("flash", "__metadata__")})

    async def get(self, request: Request) -> Response:
        return JSONResponse({"value": (await self.session(request)).get(request.path_params["key"])})

    async def set(self, request: Request) -> Response:
        (await self.session(request))[request.path_params["key"]] = request.query_params["value"]
        return ok()

    async def forget(self, request: Request) -> Response:
        (await self.session(request)).pop(request.path_params["key"], None)
        return ok()

    async def increment(self, request: Request) -> Response:
        session, key = await self.session(request), request.path_params["key"]
        session[key] = session.get(key, 0) + 1
        return ok(value=session[key])

    async def append(self, request: Request) -> Response:
        session = await self.session(request)
        session.setdefault(request.path_params["key"], []).append(request.query_params["value"])
        return ok()

    async def update(self, request: Request) -> Response:
        session, key = await self.session(request), request.path_params["key"]
        session[key] = [*session.get(key, []), request.query_params["value"]]
        return ok(value=session[key])

    async def flash(self, request: Request) -> Response:
        (await self.session(request))["flash"] = request.query_params["value"]
        return ok()

    async def read_flash(self, request: Request) -> Response:
        return JSONResponse({"value": (await self.session(request)).pop("flash", None)})

    async def flash_then_fail(self, request: Request) -> Response:
        (await self.session(request)).pop("flash", None)
        raise Deliberate

    async def fail(self, request: Request) -> Response:
        session = await self.session(request)
        session[request.query_params.get("key", "failed")] = request.query_params.get("value", "")
        raise Deliberate

    async def touch(self, request: Request) -> Response:
        self.tested.touch(request)
        return ok()

    async def rotate(self, request: Request) -> Response:
        await self.session(request)
        await self.tested.rotate(request)
        return ok()

    async def destroy(self, request: Request) -> Response:
        await self.session(request)
        await self.tested.destroy(request)
        return ok()

    async def large(self, request: Request) -> Response:
        session = await self.session(request)
        if request.method == "POST":
            session["large"] = "x" * int(request.query_params["bytes"])
        return JSONResponse({"length": len(session.get("large", ""))})

    async def _change_late(self, request: Request) -> None:
        await asyncio.sleep(0.05)
        request.session[request.query_params["key"]] = request.query_params["value"]
        self.outcomes.put(request.query_params["token"], "silent")

    async def stream(self, request: Request) -> Response:
        async def chunks() -> AsyncIterator[str]:
            yield "first\n"
            await self._change_late(request)
            yield "second\n"

        len(await self.session(request))
        return StreamingResponse(chunks(), media_type="text/plain")

    async def background(self, request: Request) -> Response:
        len(await self.session(request))
        return PlainTextResponse("The work goes on.\n", background=BackgroundTask(self._change_late, request))

    async def websocket(self, socket: WebSocket) -> None:
        session = await self.session(socket)
        await socket.accept()
        await socket.send_json({"keys": dict(session)})
        try:
            while asked := await socket.receive_json():
                session[asked["set"][0]] = asked["set"][1]
                await socket.send_json({"ok": True})
        except WebSocketDisconnect:
            pass

    async def cart(self, request: Request) -> Response:
        cart = request.scope[CART]
        if request.method == "POST":
            cart["items"] = [*cart.get("items", []), request.query_params["item"]]
        return JSONResponse({"items": cart.get("items", [])})

    async def rotate_cart(self, request: Request) -> Response:
        await self.tested.rotate(cast(Request, request.scope[f"{CART}.request"]))
        return ok()

    async def destroy_cart(self, request: Request) -> Response:
        request.scope[CART].clear()
        return ok()

    def routes(self) -> list[Route | WebSocketRoute]:
        pages_: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("GET", "/", self.counter),
            ("GET", "/read", self.read),
            ("GET", "/whoami", self.whoami),
            ("GET", "/login", self.login_form),
            ("POST", "/login", self.log_in),
            ("POST", "/logout", self.log_out),
            ("GET", "/lab", self.lab),
            ("GET", "/lab/untouched", self.untouched),
            ("GET", "/lab/public", self.public),
            ("GET", "/lab/all", self.all),
            ("GET", "/lab/get/{key}", self.get),
            ("POST", "/lab/set/{key}", self.set),
            ("POST", "/lab/forget/{key}", self.forget),
            ("POST", "/lab/increment/{key}", self.increment),
            ("POST", "/lab/append/{key}", self.append),
            ("POST", "/lab/update/{key}", self.update),
            ("GET", "/lab/flash", self.read_flash),
            ("POST", "/lab/flash", self.flash),
            ("GET", "/lab/flash-then-fail", self.flash_then_fail),
            ("GET", "/lab/fail", self.fail),
            ("POST", "/lab/fail", self.fail),
            ("POST", "/lab/touch", self.touch),
            ("POST", "/lab/rotate", self.rotate),
            ("POST", "/lab/destroy", self.destroy),
            ("GET", "/lab/large", self.large),
            ("POST", "/lab/large", self.large),
            ("GET", "/lab/stream", self.stream),
            ("POST", "/lab/background", self.background),
            ("GET", "/lab/cart", self.cart),
            ("POST", "/lab/cart", self.cart),
            ("POST", "/lab/cart/rotate", self.rotate_cart),
            ("POST", "/lab/cart/destroy", self.destroy_cart),
        ]
        return [
            *(
                Route(path, noting(self.outcomes, handler), methods=[method])
                for method, path, handler in pages_
                if self._has(path)
            ),
            WebSocketRoute("/lab/ws", self.websocket),
        ]

    def _has(self, path: str) -> bool:
        return self.tested.has_two_sessions or not path.startswith("/lab/cart")


class Deliberate(Exception):
    """Raised by the routes that exist to fail."""


def ok(**facts: Any) -> Response:
    return JSONResponse({"ok": True, **facts})


Handler = Callable[[Request], Awaitable[Response]]


def noting(outcomes: Outcomes, handler: Handler) -> Handler:
    """Tell that a page was asked for, as in a prefetch; late changes tell of themselves."""

    async def noted(request: Request) -> Response:
        response = await handler(request)
        if (token := request.query_params.get("token")) and "key" not in request.query_params:
            outcomes.put(token, "silent")
        return response

    return noted


class Aside:
    """Between two middlewares of one library: the outer session goes where the inner one leaves it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = {**scope, CART: scope["session"], f"{CART}.request": HTTPConnection(scope)}
        await self._app(scope, receive, send)


def outside(gates: Gates, outcomes: Outcomes) -> list[Route]:
    """What no session is looked up for: static files and gates."""

    async def style(request: Request) -> Response:
        return Response(pages.STYLE, media_type="text/css")

    async def open_gate(request: Request) -> Response:
        gates.open(request.path_params["name"])
        return ok()

    async def look_at_gate(request: Request) -> Response:
        name = request.path_params["name"]
        return JSONResponse({"waiting": gates.waiting(name), "open": gates.is_open(name)})

    async def outcome(request: Request) -> Response:
        return JSONResponse({"outcome": outcomes.get(request.path_params["token"])})

    return [
        Route("/static/demo.css", style),
        Route("/lab/gate/{name}", look_at_gate),
        Route("/lab/gate/{name}", open_gate, methods=["POST"]),
        Route("/lab/outcome/{token}", outcome),
    ]


def create_site(library: Library, gates: Gates, outcomes: Outcomes) -> ASGIApp:
    def profile(prefix: str) -> ASGIApp:
        cookie, expire_after, extend = PROFILES[prefix]

        def with_sessions(app: ASGIApp) -> ASGIApp:
            app = Aside(library.wrap(app, cookie, expire_after, extend))
            return library.wrap(app, f"{cookie}_cart", expire_after, extend)

        # As a middleware of the app, where its users put it: Starlette's 500 is answered outside of it.
        return Starlette(
            routes=Peer(library, prefix, gates, outcomes).routes(),
            middleware=[Middleware(with_sessions)],
            exception_handlers={HTTPException: refuse},
        )

    mounts = [Mount(prefix, profile(prefix)) for prefix in PROFILES]
    site = Starlette(routes=[*outside(gates, outcomes), *mounts])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await site(scope, receive, send)
        except Deliberate:
            pass  # answered with 500 already; raised on for a log that it would only fill

    return app


async def refuse(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"error": str(error)}, status)
