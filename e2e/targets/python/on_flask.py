"""Flask's own session in a signed cookie, and Flask-Session's on Redis, on Werkzeug's threaded server."""
# Flask is installed for the targets alone.
# pyright: reportMissingImports=false

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from flask import Flask, request, session
from flask import Response as FlaskResponse
from flask_session import Session as FlaskSession
from redis import Redis
from starlette.requests import HTTPConnection
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp
from werkzeug.serving import make_server

from e2e.targets.python.asked import (
    Asked,
    Behind,
    Handlers,
    as_request,
    handlers_of,
    handlers_outside,
    headers_of,
    is_outside,
    profile_of,
)
from e2e.targets.python.routes import PROFILES, Handler, Library
from reference_server.gates import Gates, Outcomes

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

WRITTEN_BY_FLASK = frozenset({"_permanent"})


class Values(Behind):
    """Permanent from the first write on, so that `PERMANENT_SESSION_LIFETIME` holds."""

    def __init__(self, current: Callable[[], Any], *, permanent: bool) -> None:
        """`current` is asked once, by whoever looks first: to ask is a look at the session."""
        super().__init__(lambda: cast(MutableMapping[str, Any], self.own), WRITTEN_BY_FLASK)
        self._find, self._permanent = current, permanent

    @cached_property
    def own(self) -> Any:
        return self._find()

    def __setitem__(self, key: str, value: Any) -> None:
        if self._permanent:
            self.own.permanent = True
        super().__setitem__(key, value)


class OnFlask(Library):
    has_two_sessions = False

    def __init__(self, regenerate: Callable[[Any], None] | None) -> None:
        """`regenerate` is Flask-Session's; Flask's own session has no id."""
        self._regenerate = regenerate

    def wrap(self, app: ASGIApp, cookie: str, expire_after: int | None, extend: bool) -> ASGIApp:
        raise NotImplementedError("the session is one of the app's settings")

    async def rotate(self, connection: HTTPConnection) -> None:
        if self._regenerate:
            self._regenerate(own(connection))

    async def destroy(self, connection: HTTPConnection) -> None:
        own(connection).clear()

    def touch(self, connection: HTTPConnection) -> None:
        own(connection).modified = True


def current_session() -> Any:
    """Not the proxy: what goes on after the response has no request that the proxy could ask."""
    return cast(Any, session)._get_current_object()  # noqa: SLF001 - Werkzeug's documented way


def own(connection: HTTPConnection) -> Any:
    return cast(Values, connection.session).own


def create_app(store: str, key: str, folder: Path) -> Wsgi:
    gates, outcomes = Gates(folder / "gates"), Outcomes(folder / "gates")
    redis = Redis.from_url(os.environ["TARGET_URL"]) if store == "redis" else None
    apps = {prefix: profile_app(prefix, redis, key, gates, outcomes) for prefix in PROFILES}
    beside = Flask(__name__, static_folder=None)  # an app without a key has no sessions
    add_views(beside, handlers_outside(gates, outcomes), permanent=False)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        asked = beside if is_outside(path) else apps[profile_of(path)]
        answer: Iterable[bytes] = asked(environ, start_response)
        return answer

    return app


def profile_app(prefix: str, redis: Any, key: str, gates: Gates, outcomes: Outcomes) -> Flask:
    cookie, expire_after, extend = PROFILES[prefix]
    app = Flask(__name__, static_folder=None)
    app.logger.disabled = True  # of the handlers that fail on purpose
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME=cookie,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_PERMANENT=expire_after is not None,
        SESSION_REFRESH_EACH_REQUEST=extend,
    )
    if expire_after:
        app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(seconds=expire_after)
    regenerate = None
    if redis:
        app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis)
        FlaskSession(app)
        regenerate = cast(Any, app.session_interface).regenerate
    library = OnFlask(regenerate)
    places = handlers_of(library, prefix, gates, outcomes)
    add_views(app, places, permanent=expire_after is not None and not redis)
    return app


def add_views(app: Flask, places: Handlers, *, permanent: bool) -> None:
    for number, (path, methods) in enumerate(places.items()):
        rule = path.replace("{", "<").replace("}", ">")
        app.add_url_rule(rule, str(number), view_of(methods, permanent=permanent), methods=list(methods))


def view_of(handlers: Any, *, permanent: bool) -> Callable[..., FlaskResponse]:
    def view(**path_params: str) -> FlaskResponse:
        values = Values(current_session, permanent=permanent)
        asked = Asked(values, request.method, request.args, path_params, request.form)
        handler: Handler = handlers[request.method]
        return of_flask(asyncio.run(called(handler, asked)))

    return view


async def called(handler: Handler, asked: Asked) -> Response:
    return await handler(as_request(asked))


def of_flask(response: Response) -> FlaskResponse:
    body: Any = chunks(response) if isinstance(response, StreamingResponse) else response.body
    made = FlaskResponse(body, response.status_code, headers_of(response))
    if work := response.background:
        made.call_on_close(lambda: asyncio.run(cast(Any, work())))
    return made


def chunks(response: StreamingResponse) -> Iterator[str]:
    body = aiter(response.body_iterator)
    with asyncio.Runner() as runner:
        while (chunk := runner.run(following(body))) is not None:
            yield chunk


async def following(body: Any) -> str | None:
    return cast(str | None, await anext(body, None))


def serve(app: Wsgi) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each request
    server = make_server("127.0.0.1", 0, cast(Any, app), threaded=True)
    print(f"listening on http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()
