"""OBJ-1: what is written for `request.session` elsewhere works with this one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.integrations.starlette_client import OAuth, OAuthError  # type: ignore[import-untyped]
from fastapi import Depends, FastAPI, WebSocket
from fastapi import Request as FastAPIRequest
from jinja2 import DictLoader, Environment
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.templating import Jinja2Templates
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


CurrentVisit = Annotated[TypedSession[Visit], Depends(Visit.of)]


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


@pytest.mark.promise("OBJ-5: as a dependency of FastAPI")
def test_the_typed_view_as_a_fastapi_dependency_takes_nothing_of_the_request() -> None:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, store=MemoryStore())

    @app.post("/count")
    async def count(visit: CurrentVisit) -> int:
        return visit.increment(Visit.visits)

    @app.websocket("/socket")
    async def talk(socket: WebSocket, visit: CurrentVisit) -> None:
        await socket.accept()
        await socket.send_json(visit.get(Visit.visits))
        await socket.close()

    operation = app.openapi()["paths"]["/count"]["post"]
    assert not {"parameters", "requestBody"} & set(operation)
    with TestClient(app) as client:
        for query in ("", "?cls=a&connection=b", "?cls=&connection="):
            assert client.post(f"/count{query}").status_code == 200
        with client.websocket_connect("/socket?cls=a&connection=b") as socket:
            assert socket.receive_json() == 3
        app.dependency_overrides[Visit.of] = lambda: Visit.of(new_session())
        assert client.post("/count").json() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_fastapi_endpoint_that_returns_the_session(kind: Callable[[], Any]) -> None:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, store=kind(), encryption_key=KEY)

    class Cart(BaseModel):
        items: list[str]

    @app.get("/add/{item}")
    async def add(request: FastAPIRequest, item: str) -> None:
        request.session.setdefault("items", []).append(item)

    @app.get("/flash")
    async def flash(request: FastAPIRequest) -> None:
        own(request).flash("message", "added")

    @app.get("/plain", response_model=None)
    async def plain(request: FastAPIRequest) -> Any:
        return request.session

    @app.get("/typed")
    async def typed(request: FastAPIRequest) -> dict[str, Any]:
        return request.session

    @app.get("/model", response_model=Cart)
    async def model(request: FastAPIRequest) -> Any:
        return request.session

    with TestClient(app) as client:
        client.get("/add/tea")
        client.get("/add/cake")
        for page in ("/plain", "/typed", "/model"):
            response = client.get(page)
            assert response.json() == {"items": ["tea", "cake"]}
            assert response.headers["vary"] == "Cookie"
        client.get("/flash")
        assert client.get("/model").json() == {"items": ["tea", "cake"]}
        for page in ("/plain", "/typed"):  # FLASH-2: to look at the whole is not to read the message
            assert client.get(page).json() == {"items": ["tea", "cake"], "message": "added"}


# -- templates ---------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_a_session_in_a_jinja_template(kind: Callable[[], Any]) -> None:
    page = """
        {{- session | tojson }} {{ session.key | join("+") }} {{ request.session["key"] | length }}
        {{- session.id }} {{ session.message or "" }}"""
    templates = Jinja2Templates(env=Environment(loader=DictLoader({"page": page}), autoescape=True))

    async def fill(request: Request) -> Response:
        request.session["key"] = ["<tea>", "cake"]  # a name that is an attribute of ours as well
        own(request).flash("message", "hello")
        return answer()

    async def show(request: Request) -> Response:
        return templates.TemplateResponse(request, "page", {"session": request.session})

    browser = Browser(site(fill, show, store=kind(), encryption_key=KEY))
    await browser.get("/fill")
    as_json = r'{"key": ["\u003ctea\u003e", "cake"]'
    for shown in (', "message": "hello"} &lt;tea&gt;+cake 2 hello', "} &lt;tea&gt;+cake 2 "):
        response = await browser.get("/show")
        assert response.text == as_json + shown
        assert response.header("vary") == "Cookie"


# -- the typed view ----------------------------------------------------------------------------------


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
@pytest.mark.promise("FLASH-2: Authlib copies the whole session with each login")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_login_with_authlib(kind: Callable[[], Any]) -> None:
    """Authlib keeps the login's state and verifier in the session while the user is at the provider."""
    verifiers = []

    async def provider(request: httpx2.Request) -> httpx2.Response:
        verifiers.append(parse_qs(request.content.decode())["code_verifier"])
        return httpx2.Response(200, json={"access_token": "of ada", "token_type": "Bearer"})

    oauth: Any = OAuth()
    client = oauth.register(
        "idp",
        client_id="app",
        client_secret="the app's secret",
        authorize_url="https://idp.example/authorize",
        access_token_url="https://idp.example/token",
        client_kwargs={"code_challenge_method": "S256", "transport": httpx2.MockTransport(provider)},
    )

    async def begin_login(request: Request) -> Response:
        own(request).flash("message", "hello")
        response: Response = await client.authorize_redirect(request, "https://app.example/callback")
        return response

    async def callback(request: Request) -> Response:
        try:
            token = await client.authorize_access_token(request)
        except OAuthError as error:
            return answer(error.error, status_code=400)
        own(request).rotate()
        request.session["user"] = token["access_token"]
        return answer()

    browser = Browser(site(begin_login, callback, store=kind(), encryption_key=KEY))
    location = (await browser.get("/begin_login")).header("location")
    assert location
    (state,) = parse_qs(urlsplit(location).query)["state"]
    assert (await browser.get("/callback", state=state, code="123")).status == 200
    assert len(verifiers) == 1
    assert (await browser.get("/message")).json() == "hello"
    assert (await browser.get("/read")).json() == {"user": "of ada"}
    again = await browser.get("/callback", state=state, code="123")
    assert (again.status, again.json()) == (400, "mismatching_state")
    assert len(verifiers) == 1


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
    await SessionMiddleware(app, MemoryStore())(scope, None, None)
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
