"""Django's sessions: its own ASGI handler, its own session middleware, and three of its engines.

The handlers are those of the other peers. They get Django's session as the mapping that it nearly is, and a
request with the few names that they use; what they answer is made Django's own.
"""
# Django is installed for the targets alone.
# pyright: reportMissingImports=false

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import django
from django.conf import LazySettings, settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from e2e.targets.python.routes import PROFILES, Deliberate, Handler, Library, Peer, outside
from reference_server.gates import Gates, Outcomes

PROFILE: ContextVar[str] = ContextVar("PROFILE")
"""The prefix of the profile that a request is for."""

ENGINES: Mapping[str, str] = {"sqlite": "db", "memory": "cache", "cookie": "signed_cookies"}
"""Our store's name → Django's engine. The cache is the default one, in the memory of the process."""

Choice = Callable[[str, int | None, bool], Any]

FOR_EACH_PROFILE: Mapping[str, Choice] = {
    "SESSION_COOKIE_NAME": lambda cookie, _age, _extend: cookie,
    "SESSION_COOKIE_AGE": lambda _cookie, age, _extend: age or 14 * 24 * 60 * 60,  # its own default
    "SESSION_EXPIRE_AT_BROWSER_CLOSE": lambda _cookie, age, _extend: age is None,
    "SESSION_SAVE_EVERY_REQUEST": lambda _cookie, _age, extend: extend,
}


class DjangoSession(MutableMapping[str, Any]):
    """Django's session has no `len()` and no iteration; else this is what it is."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def __getitem__(self, key: str) -> Any:
        return self.store[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.store[key] = value

    def __delitem__(self, key: str) -> None:
        del self.store[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.store.keys())

    def __len__(self) -> int:
        return len(self.store.keys())


class Asked:
    """What the handlers need of a request."""

    def __init__(self, request: Any, path_params: Mapping[str, str]) -> None:
        self.session = DjangoSession(request.session)
        self.method = request.method
        self.query_params = request.GET
        self.path_params = path_params
        self._posted = request.POST

    async def form(self) -> Mapping[str, str]:
        return cast(Mapping[str, str], self._posted)


class OnDjango(Library):
    def wrap(self, app: ASGIApp, cookie: str, expire_after: int | None, extend: bool) -> ASGIApp:
        raise NotImplementedError("its middleware is one of its settings")

    async def session(self, connection: HTTPConnection) -> MutableMapping[str, Any]:
        session = _store(connection)
        await session.akeys()  # loads it, which a handler that is a coroutine cannot do in passing
        return connection.session

    async def rotate(self, connection: HTTPConnection) -> None:
        await _store(connection).acycle_key()

    async def destroy(self, connection: HTTPConnection) -> None:
        await _store(connection).aflush()

    def touch(self, connection: HTTPConnection) -> None:
        _store(connection).modified = True


def _store(connection: HTTPConnection) -> Any:
    return cast(DjangoSession, connection.session).store


def create_app(store: str, key: str, folder: Path) -> ASGIApp:
    gates, outcomes = Gates(folder / "gates"), Outcomes(folder / "gates")
    # Settings hold for a whole process. To serve each profile here and not from one process each, those that
    # differ are looked up for each request.
    for name, of in FOR_EACH_PROFILE.items():
        setattr(LazySettings, name, of_this_profile(of))
    settings.configure(
        SECRET_KEY=key,
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "sessions.db"},
        },
        SESSION_ENGINE=f"django.contrib.sessions.backends.{ENGINES[store]}",
        INSTALLED_APPS=["django.contrib.sessions"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
        LOGGING_CONFIG=None,
        ROOT_URLCONF=tuple(urls(gates, outcomes)),
    )
    django.setup()
    call_command("migrate", verbosity=0)
    site = get_asgi_application()

    async def with_profile(scope: Scope, receive: Receive, send: Send) -> None:
        PROFILE.set(next(prefix for prefix in PROFILES if scope["path"].startswith(f"{prefix}/")))
        await site(scope, receive, send)

    return Starlette(routes=[*outside(gates, outcomes), Mount("", with_profile)])


def of_this_profile(choice: Choice) -> property:
    return property(lambda _: choice(*PROFILES[PROFILE.get()]))


def urls(gates: Gates, outcomes: Outcomes) -> Iterator[Any]:
    for prefix in PROFILES:
        handlers: dict[str, dict[str, Handler]] = {}
        for route in Peer(OnDjango(), prefix, gates, outcomes).routes():
            if isinstance(route, Route):
                methods = dict.fromkeys(route.methods or (), cast(Handler, route.endpoint))
                handlers.setdefault(f"{prefix}{route.path}", {}).update(methods)
        for place, methods in handlers.items():
            yield path(place.removeprefix("/").replace("{key}", "<str:key>"), view(methods))


def view(handlers: Mapping[str, Handler]) -> Callable[..., Awaitable[Any]]:
    """Django's view of the handlers of one path, by their methods."""

    async def answer(request: HttpRequest, **path_params: str) -> Any:
        asked = cast(Request, Asked(request, path_params))
        try:
            return of_django(await handlers[str(request.method)](asked))
        except Deliberate:
            return HttpResponse(status=500)  # as Django answers, without its log that this would only fill

    return answer


def of_django(response: Response) -> Any:
    if isinstance(response, StreamingResponse):
        made = StreamingHttpResponse(response.body_iterator, status=response.status_code)
    else:
        made = HttpResponse(bytes(response.body), status=response.status_code)
    for name, value in response.headers.items():
        made[name] = value
    if work := response.background:
        loop, close = asyncio.get_running_loop(), made.close

        def close_and_work() -> None:
            close()  # in a thread, once the response is out
            asyncio.run_coroutine_threadsafe(work(), loop)

        made.close = close_and_work
    return made
