"""Quart's session: Flask's signed cookie, in an asynchronous app."""
# Quart is installed for the targets alone.
# pyright: reportMissingImports=false

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from quart import Quart, request, session
from quart import Response as QuartResponse
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from e2e.targets.python.asked import (
    Asked,
    Handlers,
    as_request,
    handlers_of,
    handlers_outside,
    headers_of,
    is_outside,
    profile_of,
)
from e2e.targets.python.on_flask import OnFlask, Values
from e2e.targets.python.routes import PROFILES, Handler
from reference_server.gates import Gates, Outcomes


def create_app(store: str, key: str, folder: Path) -> ASGIApp:
    assert store == "cookie"
    gates, outcomes = Gates(folder / "gates"), Outcomes(folder / "gates")
    apps = {prefix: profile_app(prefix, key, gates, outcomes) for prefix in PROFILES}
    beside = Quart(__name__, static_folder=None)  # an app without a key has no sessions
    add_views(beside, handlers_outside(gates, outcomes), permanent=False)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")  # the lifespan has none
        asked = beside if is_outside(path) else apps[profile_of(path)]
        await asked(cast(Any, scope), cast(Any, receive), cast(Any, send))

    return app


def profile_app(prefix: str, key: str, gates: Gates, outcomes: Outcomes) -> Quart:
    cookie, expire_after, extend = PROFILES[prefix]
    app = Quart(__name__, static_folder=None)
    app.logger.disabled = True  # of the handlers that fail on purpose
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME=cookie,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=extend,
    )
    if expire_after:
        app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(seconds=expire_after)
    places = handlers_of(OnFlask(None), prefix, gates, outcomes)
    add_views(app, places, permanent=expire_after is not None)
    return app


def current_session() -> Any:
    return cast(Any, session)._get_current_object()  # noqa: SLF001 - Werkzeug's documented way


def add_views(app: Quart, places: Handlers, *, permanent: bool) -> None:
    for number, (path, methods) in enumerate(places.items()):
        rule = path.replace("{", "<").replace("}", ">")
        app.add_url_rule(rule, str(number), view_of(app, methods, permanent=permanent), methods=list(methods))


def view_of(app: Quart, handlers: Any, *, permanent: bool) -> Callable[..., Awaitable[QuartResponse]]:
    async def view(**path_params: str) -> QuartResponse:
        values = Values(current_session, permanent=permanent)
        asked = Asked(values, request.method, request.args, path_params, await request.form)
        handler: Handler = handlers[request.method]
        response = await handler(as_request(asked))
        if work := response.background:
            app.add_background_task(work.__call__)
        return of_quart(response)

    return view


def of_quart(response: Response) -> QuartResponse:
    body: Any = response.body_iterator if isinstance(response, StreamingResponse) else bytes(response.body)
    return QuartResponse(body, response.status_code, headers_of(response))
