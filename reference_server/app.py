"""The app factory: every profile is the same Starlette app behind differently configured middlewares."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from reference_server import (
    after_response,
    cached,
    control,
    cross_site,
    device,
    failing,
    guarded,
    lab,
    own_lifetime,
    pages,
    plain,
    provider,
    signed_in,
    twenty,
)
from reference_server.attempts import Attempts
from reference_server.demo import DeliberateError, Demo, wants_page
from reference_server.gates import Gates, Outcomes
from reference_server.headers import SecurityHeaders, policy
from reference_server.inspector import render
from reference_server.observer import Observer
from reference_server.profiles import ROOT, Profile, profiles_of
from reference_server.same_origin import SameOrigin
from reference_server.settings import Settings
from sessions import (
    CookieStore,
    CookieTooLarge,
    DeviceBinding,
    SessionError,
    SessionMiddleware,
    open_store,
)
from sessions.stores import Storage

HERE = Path(__file__).parent


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Raises `ValueError` for a store URL or a key that cannot be used."""
    settings = settings or Settings.from_environment()
    store = open_store(settings.store)
    gates, outcomes = Gates(settings.gates), Outcomes(settings.gates)
    attempts = Attempts()
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    store_kind, server = settings.store.partition(":")[0], named_with_version(settings.server)
    profiles = profiles_of(in_cookie=isinstance(store, CookieStore), pace=settings.pace)

    def profile_app(profile: Profile) -> Starlette:
        options: dict[str, Any] = {
            "store": store_of(profile, store),
            "expire_after": profile.expire_after,
            "absolute_timeout": profile.absolute_timeout,
            "auto_extend_expiration": profile.auto_extend_expiration,
            "cookie_options": profile.cookie_options,
            "realm": profile.realm,
        }
        if profile.sealed or isinstance(store, CookieStore):
            options["encryption_key"] = settings.key
        binding = DeviceBinding(max_age=profile.proof_lasts) if profile.proof_lasts else None
        app = Starlette(
            routes=ROUTES,
            middleware=[
                Middleware(SecurityHeaders, policy(frame_ancestors=profile.frame_ancestors)),
                Middleware(SameOrigin),
                Middleware(Observer, outcomes=outcomes),
                # The innermost owns request.session; the cart is reached with get_session().
                Middleware(SessionMiddleware, session_cookie_name=profile.cart_cookie, **options),
                Middleware(
                    SessionMiddleware, session_cookie_name=profile.cookie, device_binding=binding, **options
                ),
            ],
            exception_handlers={HTTPException: refuse, Exception: apologise},
        )
        app.state.demo = Demo(
            profile, profiles, store, store_kind, server, gates, outcomes, attempts, templates, settings.key
        )
        return app

    apps = {profile: profile_app(profile) for profile in profiles}
    site = Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=HERE / "static")),
            *chain.from_iterable(control.routes_of(profile, gates, outcomes) for profile in profiles),
            *(Route(profile.prefix, to_the_slash) for profile in profiles if profile.prefix),
            *(Mount(profile.prefix, apps[profile]) for profile in profiles if profile.prefix),
            Mount("", apps[ROOT]),
        ]
    )

    secured = SecurityHeaders(site)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            # Mounted apps get no lifespan of their own. All profiles share one store, so the root's
            # middleware purges and closes it for everybody.
            await apps[ROOT](scope, receive, send)
            return
        if settings.root_path:
            scope["root_path"] = settings.root_path
        try:
            await secured(scope, receive, send)
        except (DeliberateError, CookieTooLarge):
            # Starlette has answered with the 500 and raises on for the server's log, which these two,
            # being what somebody asked for in the lab, would only fill.
            pass

    return app


def store_of(profile: Profile, store: Storage) -> Storage:
    if isinstance(store, CookieStore) and profile.max_bytes:
        return CookieStore(max_bytes=profile.max_bytes)
    return store


async def to_the_slash(request: Request) -> Response:
    return RedirectResponse(request.url.path + "/", status_code=308)


async def refuse(request: Request, error: Exception) -> Response:
    """4xx and the gates' 504. It does not look at the session, so that a 404 stays free of cookies."""
    assert isinstance(error, HTTPException)
    return sorry(request, error.status_code, error.detail, error.headers)


async def apologise(request: Request, error: Exception) -> Response:
    known = isinstance(error, DeliberateError | SessionError)
    return sorry(request, 500, str(error) if known else "Something went wrong.", kind=type(error).__name__)


def sorry(
    request: Request, status: int, detail: str, headers: Any = None, kind: str | None = None
) -> Response:
    if wants_page(request):
        return HTMLResponse(
            render(request, "error.html", status=status, detail=detail, kind=kind), status, headers
        )
    return JSONResponse({"error": kind or "HTTPException", "detail": detail}, status, headers)


def named_with_version(server: str) -> str:
    try:
        return f"{server} {version(server.partition('-')[0])}"
    except (PackageNotFoundError, ValueError):
        return server


ROUTES = [
    Route("/", pages.counter),
    Route("/read", pages.read),
    Route("/login", pages.login_form),
    Route("/login", pages.log_in, methods=["POST"]),
    Route("/logout", pages.log_out, methods=["POST"]),
    Route("/whoami", pages.whoami),
    *signed_in.routes,
    *lab.routes,
    *own_lifetime.routes,
    *twenty.routes,
    *plain.routes,
    *cached.routes,
    *failing.routes,
    *guarded.routes,
    *after_response.routes,
    *cross_site.routes,
    *device.routes,
    *provider.routes,
]
