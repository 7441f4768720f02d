"""TEST-1: a test begins its client's session, looks into it and changes it, without a page of the app."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx
import pytest
import time_machine
from anyio.lowlevel import checkpoint
from fastapi import FastAPI
from litestar import Litestar, get
from litestar import Request as LitestarRequest
from litestar.middleware import DefineMiddleware
from litestar.testing import TestClient as LitestarClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from support import KEY, Watched, answer, own, site

from sessions import (
    CookieStore,
    Event,
    MemoryStore,
    Record,
    Session,
    SessionEnded,
    SessionMiddleware,
    SessionTooLarge,
    StoreUnavailable,
    get_session,
)
from sessions.testing import AsyncClientSession, ClientSession, make_session

pytestmark = pytest.mark.promise("TEST-1")

LONG = "x" * 9000
"""More than one cookie holds."""

KINDS: dict[str, dict[str, Any]] = {
    "memory": {},
    "memory url": {"store": "memory:"},
    "sqlite": {"store": "sqlite:///{folder}/sessions.db"},
    "cookie": {"store": CookieStore, "encryption_key": KEY},
    "split cookie": {"store": lambda: CookieStore(max_bytes=20_000), "encryption_key": KEY},
    "shared cookie": {"store": lambda: CookieStore(shared_with="hono-sessions"), "encryption_key": KEY},
    "sealed id": {"encryption_key": KEY},
    "realm": {"realm": "shop"},
    "host only": {"session_cookie_name": "__Host-session", "encryption_key": [KEY]},
    "domain": {"cookie_options": {"domain": "shop.example", "path": "/"}},
    "path": {"cookie_options": {"path": "/read"}},
    "browser session": {"expire_after": None},
}


def options_of(kind: str, folder: Path) -> dict[str, Any]:
    options = {"store": MemoryStore, "expire_after": 60, **KINDS[kind]}
    store = options["store"]
    return options | {"store": store.format(folder=folder) if isinstance(store, str) else store()}


@pytest.fixture(params=KINDS)
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Starlette:
    return site(**options_of(request.param, tmp_path))


@pytest.fixture(params=["open", "not open", "not open, trio"])
def client(request: pytest.FixtureRequest, app: Starlette) -> Iterator[TestClient]:
    backend: Literal["asyncio", "trio"] = "trio" if "trio" in request.param else "asyncio"
    client = TestClient(app, base_url="https://shop.example", backend=backend)
    with ExitStack() as closing:
        yield closing.enter_context(client) if request.param == "open" else client


def test_the_session_of_a_test_client(app: Starlette, client: TestClient) -> None:
    session = ClientSession(app, client)
    assert session.look() is None
    session.begin({"cart": [1]}, owner="ada", flash={"message": "Hello"})
    seen = session.look()
    assert seen
    assert (seen.data, seen.flash, seen.owner) == ({"cart": [1]}, {"message": "Hello"}, "ada")
    assert seen.authenticated_at
    assert client.get("/read").json() == {"cart": [1], "message": "Hello"}

    def buy(session: Session) -> None:
        session["cart"].append(2)
        session.flash("also", "this")

    session.change(buy)
    assert client.get("/read").json() == {"cart": [1, 2], "message": "Hello", "also": "this"}
    session.change(lambda session: session.rotate())
    after = session.look()
    assert after
    assert after.id is None or after.id != seen.id
    assert after.data == {"cart": [1, 2]}
    session.change(lambda session: session.destroy())
    assert session.look() is None
    assert client.get("/read").json() == {}
    assert not client.cookies


# The cookie of the kind "path" reaches only the page that reads.
@pytest.mark.parametrize("app", sorted(set(KINDS) - {"path"}), indirect=True)
def test_what_the_app_does_is_seen(client: TestClient, app: Starlette) -> None:
    session = ClientSession(app, client)
    client.get("/write?name=Ada")
    client.get("/flash?message=Hello")
    seen = session.look()
    assert seen
    assert (seen.data, seen.flash) == ({"name": "Ada"}, {"message": "Hello"})
    client.get("/rotate?name=Grace")
    client.get("/message")
    seen = session.look()
    assert seen
    assert (seen.data, seen.flash) == ({"name": "Grace"}, {})
    client.get("/destroy")
    assert session.look() is None


def test_a_session_of_several_cookies() -> None:
    app = site(store=CookieStore(max_bytes=20_000), encryption_key=KEY)
    client = TestClient(app)
    session = ClientSession(app, client)
    session.begin({"text": LONG})
    assert len(client.cookies) >= 3
    assert client.get("/read").json() == {"text": LONG}
    session.change(lambda session: session.set("text", "short"))
    assert list(client.cookies) == ["session"]
    assert client.get("/read").json() == {"text": "short"}


@pytest.mark.anyio
async def test_the_session_of_an_asynchronous_client(app: Starlette) -> None:
    """httpx's, in the event loop of the test, on asyncio and on trio."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as client:
        session = AsyncClientSession(app, client)
        assert await session.look() is None
        await session.begin({"cart": [1]}, owner=7)
        assert (await client.get("/read")).json() == {"cart": [1]}

        async def buy(session: Session) -> None:
            await checkpoint()
            session["cart"].append(2)

        await session.change(buy)
        seen = await session.look()
        assert seen
        assert (seen.data, seen.owner) == ({"cart": [1, 2]}, "7")
        assert (await client.get("/read")).json() == {"cart": [1, 2]}
        await session.change(lambda session: session.destroy())
        assert await session.look() is None
        assert not client.cookies


class Bound(MemoryStore):
    """It has a connection for each event loop that it is used in, as the stores of databases have."""

    def __init__(self) -> None:
        super().__init__()
        self.connections = set[asyncio.AbstractEventLoop]()
        self.opened = 0

    def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        self.opened += loop not in self.connections
        self.connections.add(loop)

    async def create(self, key: str, record: Record) -> bool:
        self._connect()
        return await super().create(key, record)

    async def load(self, key: str) -> Record | None:
        self._connect()
        return await super().load(key)

    async def close(self) -> None:
        self.connections.discard(asyncio.get_running_loop())


def test_a_store_has_one_event_loop_with_an_open_client() -> None:
    store = Bound()
    app = site(store=store)
    with TestClient(app) as client:
        session = ClientSession(app, client)
        session.begin({"cart": [1]})
        client.get("/read")
        session.change(lambda session: session.increment("n"))
        session.look()
        assert len(store.connections) == store.opened == 1
    assert not store.connections


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "not open"])
def test_a_test_client_of_litestar(is_open: bool) -> None:
    """It builds a middleware for each route, so one is given: that finds its sessions in the same store."""
    store = Bound()
    kind: Any = SessionMiddleware  # whose types of ASGI are not Litestar's
    app: Any = Litestar([read_all], middleware=[DefineMiddleware(kind, store=store)])
    client = LitestarClient(app, base_url="http://testserver.local")
    with ExitStack() as closing:
        if is_open:
            closing.enter_context(client)
        with pytest.raises(LookupError, match="give the middleware itself"):
            ClientSession(app, client).look()
        session = ClientSession(SessionMiddleware(app, store=store), client)
        session.begin({"cart": [1]})
        assert client.get("/").json() == {"cart": [1]}
        assert session.look()
        if is_open:
            assert store.opened == 1


@get("/")
async def read_all(request: LitestarRequest[Any, Any, Any]) -> dict[str, Any]:
    return dict(request.session)


def test_a_store_is_left_without_connections_otherwise() -> None:
    store = Bound()
    session = ClientSession(site(store=store), CookieJar(), url="http://testserver")
    session.begin({"cart": [1]})
    assert not store.connections
    session.change(lambda session: session.increment("n"))
    assert session.look()
    assert not store.connections
    with pytest.raises(TypeError, match="cart"):
        session.change(lambda session: session.increment("cart"))
    assert not store.connections


@pytest.mark.parametrize("kind", ["memory", "cookie"])
def test_a_plain_jar_is_a_client_for_anything_else(kind: str, tmp_path: Path) -> None:
    app = site(**options_of(kind, tmp_path))
    jar = CookieJar()
    session = ClientSession(app, jar, url="http://127.0.0.1:8000/any/page")
    session.begin({"cart": [1]})
    (cookie,) = jar
    with TestClient(app, cookies={cookie.name: str(cookie.value)}) as other:
        assert other.get("/read").json() == {"cart": [1]}
    seen = session.look()
    assert seen
    assert seen.data == {"cart": [1]}


def test_to_begin_is_a_new_session_for_a_client_that_has_one() -> None:
    store = MemoryStore()
    app = site(store=store)
    client = TestClient(app)
    session = ClientSession(app, client)
    session.begin({"cart": [1]}, owner="ada")
    before = session.look()
    session.begin({"message": "Hello"}, owner="bob")
    after = session.look()
    assert before
    assert after
    assert before.id != after.id
    assert after.data == {"message": "Hello"}
    assert len(list(client.cookies.jar)) == 1
    assert len(anyio.run(store.sessions_of, "ada")) == 1


def test_to_begin_leaves_nothing_of_a_former_session() -> None:
    """Neither pieces of it nor a cookie that the test set without a domain: with both, none would be open."""
    app = site(store=CookieStore(max_bytes=20_000), encryption_key=KEY)
    client = TestClient(app)
    session = ClientSession(app, client)
    session.begin({"text": LONG})
    client.cookies = dict(client.cookies)
    client.cookies.set("session.other", "kept")
    client.cookies.set("session", "kept", domain="elsewhere.example")
    session.begin({"text": "short"})
    assert client.get("/read").json() == {"text": "short"}
    left = [(cookie.name, cookie.domain) for cookie in client.cookies.jar]
    assert sorted(left) == [
        ("session", "elsewhere.example"),
        ("session", "testserver.local"),
        ("session.other", ""),
    ]


def test_a_login_beyond_the_limit_is_one_here_too() -> None:
    app = site(max_sessions=1)
    sessions = [ClientSession(app, TestClient(app)) for _ in range(2)]
    for session in sessions:
        session.begin(owner="ada")
    assert [session.look() is None for session in sessions] == [True, False]


def test_a_login_by_a_key_is_one_here_too() -> None:
    app = site(login_keys=["member"])
    session = ClientSession(app, TestClient(app))
    session.begin({"member": 7})
    seen = session.look()
    assert seen
    assert seen.authenticated_at


# -- a look changes nothing --------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [True, False])
def test_a_look_changes_nothing(sealed: bool) -> None:
    """No flash value is used up, nothing is extended though it is due, nothing is written or told."""
    store, told = Watched(), list[Event]()
    with time_machine.travel(datetime(2031, 1, 1, tzinfo=UTC), tick=False) as clock:
        app = site(
            store=store, expire_after=1000, encryption_key=KEY if sealed else None, on_event=told.append
        )
        client = TestClient(app)
        session = ClientSession(app, client)
        session.begin({"cart": [1]}, owner="ada", flash={"message": "Hello"})
        first = session.look()
        cookies = [repr(cookie) for cookie in client.cookies.jar]
        clock.shift(900)
        told.clear()
        writes = store.writes
        for _ in range(3):
            assert session.look() == first
        assert store.writes == writes
        assert [repr(cookie) for cookie in client.cookies.jar] == cookies
        assert client.get("/message").json() == "Hello"  # which also extends it
        assert store.writes == writes + 1
        later = session.look()
        assert first
        assert later
        assert first.expires_at
        assert later.expires_at
        assert (later.expires_at - first.expires_at).total_seconds() >= 900
        assert later.flash == {}
        clock.shift(2000)
        assert session.look() is None
        client.cookies.set("session", "nonsense")
        assert session.look() is None
        assert told == []


def test_a_look_with_an_old_id_changes_nothing() -> None:
    """Nor with two cookies, of which one is an old one."""
    store = Watched()
    app = site(store=store)
    client, thief = TestClient(app), TestClient(app)
    session, stolen = ClientSession(app, client), ClientSession(app, thief)
    session.begin({"cart": [1]}, owner="ada")
    thief.cookies = dict(client.cookies)
    client.get("/rotate")
    calls = store.writes
    assert stolen.look() is None
    thief.cookies.set("session", client.cookies["session"], path="/read")
    assert stolen.look() is None
    assert len(list(thief.cookies.jar)) == 2
    assert store.writes == calls
    with pytest.raises(LookupError, match="has no session"):
        stolen.change(lambda session: session.set("cart", [2]))
    assert store.writes == calls
    seen = session.look()
    assert seen
    assert seen.data == {"cart": [1]}


def test_a_change_extends_the_session_as_a_request_does() -> None:
    with time_machine.travel(datetime(2031, 1, 1, tzinfo=UTC), tick=False) as clock:
        app = site(expire_after=1000)
        client = TestClient(app)
        session = ClientSession(app, client)
        session.begin({"cart": [1]})
        clock.shift(900)
        session.change(lambda session: session.increment("n"))
        clock.shift(900)
        assert client.get("/read").json() == {"cart": [1], "n": 1}


def test_paths_that_the_app_excludes_are_in_nobodys_way() -> None:
    app = site(expire_after=1000, exclude=["/"], is_activity=lambda scope: scope["app"] is not None)
    session = ClientSession(app, TestClient(app))
    session.begin({"cart": [1]})
    assert session.look()


# -- which middleware --------------------------------------------------------------------------------


def test_each_of_several_sessions() -> None:
    async def both(request: Request) -> Response:
        return answer({name: dict(get_session(request, name)) for name in ("session", "cart")})

    inner = [
        Middleware(SessionMiddleware, store=CookieStore(), encryption_key=KEY, session_cookie_name="cart")
    ]
    app = site(both, inner=inner)
    client = TestClient(app)
    with pytest.raises(LookupError, match=r"several.*\['cart', 'session'\]"):
        ClientSession(app, client).look()
    cart = ClientSession(app, client, cookie_name="cart")
    main = ClientSession(app, client, cookie_name="session")
    cart.begin({"apples": 2})
    main.begin({"name": "Ada"}, owner="ada")
    assert client.get("/both").json() == {"session": {"name": "Ada"}, "cart": {"apples": 2}}
    cart.change(lambda session: session.destroy())
    assert client.get("/both").json() == {"session": {"name": "Ada"}, "cart": {}}
    assert main.look()
    with pytest.raises(LookupError, match="no SessionMiddleware with the cookie name 'other'"):
        ClientSession(app, client, cookie_name="other").look()


def fastapi_app(store: MemoryStore) -> Any:
    app = FastAPI()
    app.add_middleware(SessionMiddleware, store=store)
    return app


def mounted(store: MemoryStore) -> Any:
    return Starlette(routes=[Mount("/shop", site(store=store))])


def mounted_with_middleware(store: MemoryStore) -> Any:
    return Starlette(
        routes=[Mount("/shop", routes=[], middleware=[Middleware(SessionMiddleware, store=store)])]
    )


def of_one_route(store: MemoryStore) -> Any:
    async def page(request: Request) -> Response:
        return answer()

    return Starlette(routes=[Route("/", page, middleware=[Middleware(SessionMiddleware, store=store)])])


def assigned(store: MemoryStore) -> Any:
    class Quart:
        asgi_app: Any = SessionMiddleware(Starlette(), store)

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.asgi_app(scope, receive, send)

    return Quart()


def wrapped(store: MemoryStore) -> Any:
    class Outer:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    return Outer(SessionMiddleware(Starlette(), store))


def itself(store: MemoryStore) -> Any:
    return SessionMiddleware(Starlette(), store)


@pytest.mark.parametrize(
    "make", [fastapi_app, mounted, mounted_with_middleware, of_one_route, wrapped, assigned, itself]
)
def test_the_middleware_is_found_in_the_app(make: Callable[[MemoryStore], Any]) -> None:
    store = MemoryStore()
    app = make(store)
    session = ClientSession(app, TestClient(app))
    session.begin({"cart": [1]}, owner="ada")
    assert session.look()
    assert len(store) == 1


def test_two_of_one_name_are_told_apart_by_giving_one() -> None:
    stores = MemoryStore(), MemoryStore()
    app = Starlette(
        routes=[
            Mount(f"/{number}", routes=[], middleware=[Middleware(SessionMiddleware, store=store)])
            for number, store in enumerate(stores)
        ]
    )
    for name in (None, "session"):
        with pytest.raises(LookupError, match="several SessionMiddlewares with the cookie name 'session'"):
            ClientSession(app, TestClient(app), cookie_name=name).look()


def test_an_app_without_one_is_told_so() -> None:
    inner = site()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)

    for without in (app, Starlette()):
        with pytest.raises(
            LookupError, match=r"no SessionMiddleware was found in this .*: give the middleware"
        ):
            ClientSession(without, TestClient(without)).look()


def test_an_app_builds_its_middleware_once() -> None:
    """A store that is given as a URL is the app's own, also if nobody has visited the app before."""
    built = []

    class Counted(SessionMiddleware):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            built.append(self)

    app = Starlette(middleware=[Middleware(Counted, store="memory:")])
    ClientSession(app, TestClient(app)).begin({"cart": [1]})
    TestClient(app).get("/")
    assert len(built) == 1


# -- what goes wrong ---------------------------------------------------------------------------------


def test_a_cookie_that_the_client_would_not_send_is_an_error() -> None:
    app = site(session_cookie_name="__Host-session")
    with pytest.raises(ValueError, match=r"https only.*base_url='https://testserver'"):
        ClientSession(app, TestClient(app)).begin({"cart": [1]})
    app = site(cookie_options={"domain": "shop.example"})
    with pytest.raises(ValueError, match=r"is for shop\.example, and the client's address is testserver"):
        ClientSession(app, TestClient(app)).begin({"cart": [1]})


def test_an_address_is_needed() -> None:
    for url in (None, "", "shop.example", "ftp://shop.example"):
        with pytest.raises(ValueError, match="say the app's address"):
            ClientSession(site(), CookieJar(), url=url)
    with pytest.raises(ValueError, match="say the app's address"):
        AsyncClientSession(site(), httpx.AsyncClient())


def test_a_client_of_another_kind_is_refused() -> None:
    class Other:
        cookies = ()

    with pytest.raises(TypeError, match="not Other"):
        ClientSession(site(), Other(), url="http://testserver")


@pytest.fixture
def session() -> ClientSession[TestClient]:
    app = site(store=MemoryStore(max_bytes=600))
    return ClientSession(app, TestClient(app))


def test_nothing_to_keep_begins_no_session(session: ClientSession[TestClient]) -> None:
    with pytest.raises(ValueError, match="an empty session is none"):
        session.begin({})
    session.begin(owner="ada")
    seen = session.look()
    assert seen
    assert (seen.data, seen.owner) == ({}, "ada")


def test_what_is_no_json_is_refused(session: ClientSession[TestClient]) -> None:
    with pytest.raises(TypeError, match="when"):
        session.begin({"when": datetime.now(UTC)})
    assert session.look() is None


def test_there_must_be_a_session_to_change(session: ClientSession[TestClient]) -> None:
    with pytest.raises(LookupError, match="has no session, or it is over"):
        session.change(lambda session: session.set("cart", [1]))
    assert session.look() is None


def test_a_change_that_fails_keeps_nothing(session: ClientSession[TestClient]) -> None:
    session.begin({"cart": [1]})
    before = session.look()

    def fails(session: Session) -> None:
        session["cart"].append(2)
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        session.change(fails)
    with pytest.raises(SessionTooLarge):
        session.change(lambda session: session.set("text", "x" * 700))
    assert session.look() == before


@pytest.mark.anyio
async def test_a_change_that_comes_too_late_is_told() -> None:
    app = site()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as client:
        session = AsyncClientSession(app, client)
        await session.begin({"cart": [1]})

        async def too_slow(session: Session) -> None:
            session["cart"] = [2]
            await client.get("/destroy")

        with pytest.raises(SessionEnded):
            await session.change(too_slow)
        assert await session.look() is None


@pytest.mark.parametrize("step", ["begin", "look", "change"])
def test_a_store_that_is_away_is_told(step: str) -> None:
    store = Watched()
    app = site(store=store)
    session = ClientSession(app, TestClient(app))
    session.begin({"cart": [1]})
    store.away = True
    steps: dict[str, Callable[[], Any]] = {
        "begin": lambda: session.begin({"cart": [2]}),
        "look": session.look,
        "change": lambda: session.change(lambda session: session.clear()),
    }
    with pytest.raises(StoreUnavailable):
        steps[step]()
    store.away = False
    seen = session.look()
    assert seen
    assert seen.data == {"cart": [1]}


def test_what_is_seen_shows_nothing_secret() -> None:
    app = site()
    session = ClientSession(app, TestClient(app))
    session.begin({"cart": ["bread"]}, owner="ada")
    assert repr(session.look()) == "<SeenSession>"


# -- a browser context -------------------------------------------------------------------------------


class Context:
    """As Playwright's, with what its browser has."""

    def __init__(self) -> None:
        self.has: list[dict[str, Any]] = []

    def cookies(self, urls: list[str]) -> list[dict[str, Any]]:
        return [cookie for cookie in self.has if urls[0].endswith(cookie["path"])]

    def add_cookies(self, cookies: list[dict[str, Any]]) -> None:
        self.has = [
            *[old for old in self.has if old["name"] not in {new["name"] for new in cookies}],
            *cookies,
        ]

    def clear_cookies(self, *, name: str, domain: str, path: str) -> None:
        self.has = [
            cookie
            for cookie in self.has
            if (cookie["name"], cookie["domain"], cookie["path"]) != (name, domain, path)
        ]


class AsyncContext:
    def __init__(self) -> None:
        self.context = Context()

    async def cookies(self, urls: list[str]) -> list[dict[str, Any]]:
        return self.context.cookies(urls)

    async def add_cookies(self, cookies: list[dict[str, Any]]) -> None:
        self.context.add_cookies(cookies)

    async def clear_cookies(self, **which: str) -> None:
        self.context.clear_cookies(**which)


def test_a_browser_context_gets_the_cookie_with_its_attributes() -> None:
    options: dict[str, Any] = {
        "domain": "shop.example",
        "path": "/shop",
        "same_site": "strict",
        "http_only": False,
    }
    app, context = site(expire_after=60, cookie_options=options), Context()
    session = ClientSession(app, context, url="https://www.shop.example/")
    session.begin({"cart": [1]})
    (cookie,) = context.has
    assert time.time() < cookie.pop("expires") <= time.time() + 60
    seen = session.look()
    assert seen
    assert cookie == {
        "name": "session",
        "value": seen.id,
        "domain": ".shop.example",
        "path": "/shop",
        "httpOnly": False,
        "secure": True,
        "sameSite": "Strict",
    }
    context.has.append(cookie | {"name": "session.1", "value": "left over"})
    session.begin({"cart": [2]})
    assert [cookie["name"] for cookie in context.has] == ["session"]
    session.change(lambda session: session.destroy())
    assert context.has == []


@pytest.mark.anyio
async def test_an_asynchronous_browser_context() -> None:
    app, context = site(), AsyncContext()
    session = AsyncClientSession(app, context, url="http://127.0.0.1:8000")
    await session.begin({"cart": [1]})
    (cookie,) = context.context.has
    assert (cookie["domain"], cookie["sameSite"], "expires" in cookie) == ("127.0.0.1", "Lax", False)
    await session.change(lambda session: session.set("cart", [2]))
    seen = await session.look()
    assert seen
    assert seen.data == {"cart": [2]}
    await session.change(lambda session: session.destroy())
    assert context.context.has == []
    with pytest.raises(TypeError, match="take AsyncClientSession"):
        ClientSession(app, context, url="http://127.0.0.1:8000").look()
    with pytest.raises(TypeError, match="take AsyncClientSession"):
        ClientSession(app, context, url="http://127.0.0.1:8000").begin({"cart": [1]})


# -- a handler without an app ------------------------------------------------------------------------


async def buy(request: Request) -> Response:
    session = own(request)
    session.setdefault("cart", []).append("milk")
    session.increment("bought")
    session.flash("message", "Bought")
    return answer({"owner": session.owner, "said": session.get("hint")})


@pytest.mark.anyio
async def test_a_handler_alone() -> None:
    session = make_session({"cart": ["bread"]}, owner="ada", flash={"hint": "Hello"})
    assert not session.is_new
    assert not session.modified
    response = await buy(Request({"type": "http", "session": session}))
    assert bytes(response.body) == b'{"owner":"ada","said":"Hello"}'
    assert session == {"cart": ["bread", "milk"], "bought": 1, "message": "Bought"}
    assert session.is_flash("message")
    assert session.modified
    await session.save()
    await session.refresh()
    assert session["cart"] == ["bread", "milk"]
    assert get_session({"type": "http", "session": session}) is session
    session.destroy()
    assert session == {}


def test_a_handler_of_an_anonymous_visitor() -> None:
    session = make_session()
    assert session.is_new
    assert session == {}
    session.owner = "ada"
    assert session.authenticated_at
    with pytest.raises(TypeError, match="when"):
        make_session({"when": datetime.now(UTC)})
