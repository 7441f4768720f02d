"""OBJ-1: what is written for `request.session` elsewhere works with this one."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi import Request as FastAPIRequest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from support import KEY, Browser, Trouble, Watched, answer, new_session, own, site

from sessions import (
    CookieStore,
    Fields,
    MemoryStore,
    SessionMiddleware,
    StoreUnavailable,
    TypedSession,
)
from sessions.typed import Field

KINDS: list[Callable[[], Any]] = [MemoryStore, CookieStore]

pytestmark = pytest.mark.promise("OBJ-1")


# -- FastAPI -----------------------------------------------------------------------------------------


class Visit(Fields):
    email = Field[str]()
    visits = Field[int]("number of visits")


def current_visit(request: FastAPIRequest) -> TypedSession[Visit]:
    return Visit.of(request)


CurrentVisit = Annotated[TypedSession[Visit], Depends(current_visit)]


@pytest.mark.parametrize("kind", KINDS)
def test_as_a_fastapi_dependency(kind: Callable[[], Any]) -> None:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, store=kind(), encryption_key=KEY)

    @app.get("/sync")
    def sync(visit: CurrentVisit) -> int:  # in a worker thread
        return visit.increment(Visit.visits)

    @app.get("/async")
    async def asynchronous(visit: CurrentVisit) -> int:
        return visit.increment(Visit.visits)

    @app.get("/keys")
    async def keys(request: FastAPIRequest) -> list[str]:
        return list(request.session)

    with TestClient(app) as client:
        assert [client.get(url).json() for url in ("/sync", "/async", "/sync")] == [1, 2, 3]
        assert client.get("/keys").json() == ["number of visits"]


@pytest.mark.anyio
@pytest.mark.promise("OBJ-5: at run time")
async def test_the_typed_view_is_the_session() -> None:
    session = new_session()
    visit = Visit.of(session)
    visit.set(Visit.email, "ada@example.org")
    assert session == {"email": "ada@example.org"}
    assert visit.get(Visit.email) == "ada@example.org"
    assert visit.get(Visit.visits) is None
    assert visit.get(Visit.visits, 7) == 7
    assert Visit.email in visit
    visit.flash(Visit.visits, 1)
    assert session.is_flash("number of visits")
    assert visit.update(Visit.visits, lambda value: (value or 0) + 1) == 2
    visit.forget(Visit.email)
    assert session == {"number of visits": 2}
    visit.owner = 7
    assert visit.owner == session.owner == "7"
    assert visit.is_new
    assert visit.created_at is visit.expires_at is None
    visit.touch()
    visit.rotate()
    visit.destroy()
    await visit.save()
    assert session == {}


# -- what others keep in a session -------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_as_authlib_uses_it(kind: Callable[[], Any]) -> None:
    """The steps of Authlib's `StarletteIntegration`: state data under a key of its own, popped at the end."""

    async def begin_login(request: Request) -> Response:
        session: Any = request.session
        state = uuid.UUID(int=1).hex
        now = time.time()
        for key in list(session.keys()):  # old states are cleared away
            if key.startswith("_state_") and session[key].get("exp", 0) < now:
                session.pop(key)
        session[f"_state_idp_{state}"] = {
            "data": {"redirect_uri": "https://app.example/callback", "nonce": "n", "code_verifier": "v"},
            "exp": now + 3600,
        }
        return answer(state)

    async def callback(request: Request) -> Response:
        session: Any = request.session
        key = f"_state_idp_{request.query_params['state']}"
        value = session.get(key)
        session.pop(key, None)
        session["user"] = {"sub": "1", "email": "ada@example.org"}
        return answer(value and value["data"]["nonce"])

    browser = Browser(site(begin_login, callback, store=kind(), encryption_key=KEY))
    state = (await browser.get("/begin_login")).json()
    assert (await browser.get("/callback", state=state)).json() == "n"
    assert (await browser.get("/callback", state=state)).json() is None
    assert (await browser.get("/read")).json() == {"user": {"sub": "1", "email": "ada@example.org"}}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_as_an_admin_backend_uses_it(kind: Callable[[], Any]) -> None:
    """sqladmin and starlette-admin: update, `in`, clear, and a truth value."""

    async def log_in(request: Request) -> Response:
        request.session.update({"token": "abc"})
        return answer()

    async def check(request: Request) -> Response:
        return answer([request.session.get("token"), bool(request.session), "token" in request.session])

    async def log_out(request: Request) -> Response:
        request.session.clear()
        return answer()

    browser = Browser(site(log_in, check, log_out, store=kind(), encryption_key=KEY))
    assert (await browser.get("/check")).json() == [None, False, False]
    await browser.get("/log_in")
    assert (await browser.get("/check")).json() == ["abc", True, True]
    await browser.get("/log_out")
    assert (await browser.get("/check")).json() == [None, False, False]


@pytest.mark.anyio
async def test_as_starlettes_authentication_uses_it() -> None:
    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: HTTPConnection) -> Any:
            user = conn.session.get("user")
            return (AuthCredentials(["authenticated"]), SimpleUser(user)) if user else None

    @requires("authenticated")
    async def secret(request: Request) -> Response:
        return answer(request.user.display_name)

    browser = Browser(site(secret, inner=[Middleware(AuthenticationMiddleware, backend=Backend())]))
    assert (await browser.get("/secret")).status == 403
    await browser.get("/write", user="ada")
    assert (await browser.get("/secret")).json() == "ada"


# -- around and inside of other middleware -----------------------------------------------------------


class Passing(BaseHTTPMiddleware):
    """The middleware that most people write."""

    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        if request.url.path == "/counted":
            own(request).increment("before")
        response = await call_next(request)
        response.headers["x-passed"] = "yes"
        return response


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["inside", "around", "both"])
async def test_base_http_middleware(kind: Callable[[], Any], place: str) -> None:
    async def counted(request: Request) -> Response:
        return answer(own(request).increment("n"))

    async def stream(request: Request) -> Response:
        own(request).increment("n")

        async def parts() -> AsyncIterator[bytes]:
            yield b"1"
            yield b"2"

        return StreamingResponse(parts())

    inner = Middleware(Passing) if place in ("inside", "both") else Middleware(GZipMiddleware)
    app: Any = site(counted, stream, store=kind(), encryption_key=KEY, inner=[inner])
    if place in ("around", "both"):

        class Around(BaseHTTPMiddleware):
            async def dispatch(self, request: Request, call_next: Any) -> Response:
                response: Response = await call_next(request)
                return response

        app = Around(app)
    browser = Browser(app)
    assert [(await browser.get("/counted")).json() for _ in range(3)] == [1, 2, 3]
    assert (await browser.get("/stream")).text == "12"
    expected = {"n": 4} | ({"before": 3} if place != "around" else {})
    assert (await browser.get("/read")).json() == expected
    response = await browser.get("/fail")
    assert response.status == 500
    assert isinstance(response.error, Trouble)
    assert (await browser.get("/read")).json() == expected


@pytest.mark.anyio
@pytest.mark.promise("BAD-2")
async def test_a_commit_that_fails_inside_of_base_http_middleware() -> None:
    store = Watched()
    browser = Browser(site(store=store, inner=[Middleware(Passing)]))
    store.away = True
    response = await browser.get("/write?a=1")
    assert (response.status, response.error) == (503, None)


@pytest.mark.anyio
@pytest.mark.promise("FLASH-4")
async def test_wrapped_around_the_whole_app() -> None:
    """There also Starlette's own page for a 500 comes through the middleware."""

    async def flash(request: Request) -> Response:
        own(request).flash("message", "hello")
        return answer()

    async def broken(request: Request) -> Response:
        own(request).get("message")
        raise Trouble

    async def message(request: Request) -> Response:
        return answer(own(request).get("message"))

    inner = Starlette(routes=[Route(f"/{each.__name__}", each) for each in (flash, broken, message)])
    browser = Browser(SessionMiddleware(inner, MemoryStore()))
    await browser.get("/flash")
    response = await browser.get("/broken")
    assert response.status == 500
    assert isinstance(response.error, Trouble)
    assert (await browser.get("/message")).json() == "hello"


# -- plain ASGI --------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_plain_asgi_app() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        number = scope["session"].increment("n")
        head = {"type": "http.response.start", "status": 200}  # headers may be left out
        await send(head)
        assert "headers" not in head
        await send({"type": "http.response.body", "body": str(number).encode()})

    browser = Browser(SessionMiddleware(app, MemoryStore()))
    assert [(await browser.get("/")).text for _ in range(3)] == ["1", "2", "3"]


@pytest.mark.anyio
async def test_an_app_may_send_one_message_to_everybody() -> None:
    head = {"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["a"] = 1
        await send(head)
        await send({"type": "http.response.body"})

    for _ in range(2):
        response = await Browser(SessionMiddleware(app, MemoryStore())).get("/")
        assert len(response.set_cookies) == 1
    assert head["headers"] == [(b"x", b"y")]


@pytest.mark.anyio
async def test_other_kinds_of_scope_pass_untouched() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {"type": "something new"}
    await SessionMiddleware(app, MemoryStore())(scope, None, None)  # type: ignore[arg-type]
    assert seen == [{"type": "something new"}]
    assert seen[0] is scope


@pytest.mark.anyio
async def test_a_start_up_that_fails_says_why() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise StoreUnavailable("of the app's own")

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(_: Any) -> None:
        """Nobody listens."""

    with pytest.raises(StoreUnavailable, match="own"):
        await SessionMiddleware(app, MemoryStore())({"type": "lifespan"}, receive, send)
