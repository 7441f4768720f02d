"""What the tests share: a small browser in this process, an app to visit with it, and gates.

Importable by its plain name, because pytest puts `tests/` on the path.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sessions import MemoryStore, Record, Session, SessionMiddleware, Store, StoreUnavailable
from sessions._carriers.id import keys_for
from sessions._events import nobody_listens
from sessions._keys import Purpose
from sessions._lifetime import Lifetime
from sessions._session import open_session

KEY = "a key for tests with 32 characters or more"
OTHER_KEY = "another key for tests, just as long as that"

key_of = keys_for(Purpose("session"))
"""Under which key a store keeps the session of an id, for a middleware with the default name and realm."""

Handler = Callable[[Request], Awaitable[Response]]
App = Callable[..., Awaitable[None]]


# -- the app -----------------------------------------------------------------------------------------


def answer(value: Any = None, **options: Any) -> Response:
    return JSONResponse(value, **options)


async def untouched(request: Request) -> Response:
    return PlainTextResponse("never looked")


async def read(request: Request) -> Response:
    return answer(dict(request.session))


async def keys(request: Request) -> Response:
    """Looks, but at no value, so that it consumes no flash."""
    return answer(sorted(request.session))


async def write(request: Request) -> Response:
    request.session.update(dict(request.query_params))
    return answer()


async def increment(request: Request) -> Response:
    session = request.session
    assert isinstance(session, Session)
    return answer(session.increment(request.query_params.get("key", "n")))


async def flash(request: Request) -> Response:
    for key, value in request.query_params.items():
        own(request).flash(key, value)
    return answer()


async def message(request: Request) -> Response:
    return answer(own(request).get("message"))


async def rotate(request: Request) -> Response:
    own(request).rotate()
    own(request).update(dict(request.query_params))
    return answer()


async def destroy(request: Request) -> Response:
    own(request).destroy()
    return answer()


async def touch(request: Request) -> Response:
    own(request).touch()
    return answer()


async def fail(request: Request) -> Response:
    own(request).update(dict(request.query_params))
    own(request).get("message")
    raise Trouble("the handler raised")


class Trouble(Exception):
    """What a handler of ours raises."""


def own(request: Request) -> Session:
    """`request.session`, with its type."""
    session = request.session
    assert isinstance(session, Session)
    return session


COMMON: Sequence[Handler] = (
    untouched,
    read,
    keys,
    write,
    increment,
    flash,
    message,
    rotate,
    destroy,
    touch,
    fail,
)


def site(
    *handlers: Handler, store: Any = None, routes: Sequence[BaseRoute] = (), **options: Any
) -> Starlette:
    """A Starlette app behind the middleware; each handler answers at its own name, `/read` and so on."""
    store = MemoryStore() if store is None else store
    extra = options.pop("exception_handlers", None)
    inner = options.pop("inner", [])
    named = {handler.__name__: handler for handler in (*COMMON, *handlers)}
    return Starlette(
        routes=[
            *routes,
            *[Route(f"/{name}", handler, methods=["GET", "POST"]) for name, handler in named.items()],
        ],
        middleware=[Middleware(SessionMiddleware, store=store, **options), *inner],
        exception_handlers=extra,
    )


# -- the browser -------------------------------------------------------------------------------------


@dataclass
class Reply:
    """A response as the browser got it."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    error: Exception | None = None
    """What came out of the app, for the server's log."""

    def header(self, name: str) -> str | None:
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name]

    @property
    def set_cookies(self) -> list[str]:
        return self.all("set-cookie")

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Kept:
    """A cookie in the jar."""

    value: str
    expires_at: float | None
    path: str
    secure: bool
    attributes: Mapping[str, str]


class Browser:
    """Sends requests straight into an app and keeps its cookies as RFC 6265bis says.

    It heeds Max-Age, Path and Secure. Requests may overlap; each sends the cookies of its beginning.
    """

    def __init__(self, app: App, *, scheme: str = "http", host: str = "app.example") -> None:
        self.app = app
        self.scheme = scheme
        self.host = host
        self.jar: dict[tuple[str, str, str], Kept] = {}
        """(name, domain, path) → what was kept; the three are a cookie's identity in a browser."""

    def cookie(self, name: str = "session") -> str | None:
        """The value that the browser would send now."""
        return self.sent("/").get(name)

    def plant(self, value: str, name: str = "session", path: str = "/", domain: str = "") -> None:
        self.jar[name, domain, path] = Kept(value, None, path, False, {})

    async def replayed(self, cookie: str | None, name: str = "session") -> Any:
        """What the app reads from a session whose cookie's value somebody has kept."""
        assert cookie
        self.plant(cookie, name)
        return (await self.get("/read")).json()

    def forget_cookies(self) -> None:
        self.jar.clear()

    def copy(self) -> Browser:
        """Another browser with a copy of the jar: the thief of a cookie."""
        other = Browser(self.app, scheme=self.scheme, host=self.host)
        other.jar = dict(self.jar)
        return other

    def sent(self, path: str) -> dict[str, str]:
        return dict(self.pairs(path))

    def pairs(self, path: str) -> list[tuple[str, str]]:
        """Names and values, those of longer paths first (RFC 6265bis, section 5.8.3)."""
        now = time.time()
        found = [
            (name, kept)
            for (name, _, _), kept in self.jar.items()
            if (kept.expires_at is None or kept.expires_at > now)
            and path.startswith(kept.path)
            and (not kept.secure or self.scheme == "https")
        ]
        return [(name, kept.value) for name, kept in sorted(found, key=lambda each: -len(each[1].path))]

    async def get(self, url: str, **query: str) -> Reply:
        return await self.request("GET", url, query)

    async def post(self, url: str, **query: str) -> Reply:
        return await self.request("POST", url, query)

    async def request(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        on_start: Callable[[], Awaitable[None]] | None = None,
    ) -> Reply:
        path, _, given = url.partition("?")
        reply = Reply()
        cookies = "; ".join(f"{name}={value}" for name, value in self.pairs(path))
        lines = [(b"host", self.host.encode())]
        if cookies:
            lines.append((b"cookie", cookies.encode("latin-1")))
        lines += [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": path,
            "raw_path": quote(path).encode(),
            "root_path": "",
            "query_string": (given or urlencode(query or {})).encode(),
            "headers": lines,
            "server": (self.host, 80),
            "client": ("127.0.0.1", 1),
            "state": {},
        }

        body = iter([{"type": "http.request", "body": b"", "more_body": False}])
        done = anyio.Event()

        async def receive() -> MutableMapping[str, Any]:
            for part in body:
                return part
            await done.wait()
            return {"type": "http.disconnect"}

        async def send(part: MutableMapping[str, Any]) -> None:
            if part["type"] == "http.response.start":
                assert not reply.status, "an ASGI server takes one start of a response"
                reply.status = part["status"]
                reply.headers = [
                    (name.decode().lower(), value.decode()) for name, value in part.get("headers", ())
                ]
                self._keep(reply.set_cookies)
                if on_start:
                    await on_start()
            elif part["type"] == "http.response.body":
                assert reply.status, "a body comes after the start of the response"
                reply.body += part.get("body", b"")
                if not part.get("more_body"):
                    done.set()

        try:
            await self.app(scope, receive, send)
        except Exception as error:
            reply.error = error
        reply.status = reply.status or 500
        return reply

    def _keep(self, lines: Sequence[str]) -> None:
        for line in lines:
            pair, *others = line.split("; ")
            name, _, value = pair.partition("=")
            attributes = {key.lower(): text for key, _, text in (other.partition("=") for other in others)}
            path, domain = attributes.get("path", "/"), attributes.get("domain", "")
            expires_at = None
            if "max-age" in attributes:
                expires_at = time.time() + int(attributes["max-age"])
            if len(name) + len(value) > 4096:
                continue  # as browsers do, without a word
            if "secure" in attributes and self.scheme != "https":
                continue
            if expires_at is not None and expires_at <= time.time():
                self.jar.pop((name, domain, path), None)
            else:
                self.jar[name, domain, path] = Kept(
                    value, expires_at, path, "secure" in attributes, attributes
                )


def attributes(line: str) -> dict[str, str]:
    """A `Set-Cookie` line as a mapping: its name and value, and its attributes in lower case."""
    pair, *others = line.split("; ")
    name, _, value = pair.partition("=")
    found = {"name": name, "value": value}
    found.update({key.lower(): text for key, _, text in (other.partition("=") for other in others)})
    return found


def new_session() -> Session:
    """A session as an anonymous request has it, without the request."""
    carrier = MemoryStore().carrier(Lifetime.of(None, None, True, None), None, Purpose("session"))
    session, _ = open_session(carrier, {"headers": ()}, (), nobody_listens, None, at_once=True)
    return session


# -- gates and clocks --------------------------------------------------------------------------------


class Gate:
    """Where a handler waits until the test lets it go on. Make it inside the test's event loop."""

    def __init__(self) -> None:
        self.reached = anyio.Event()
        self.opened = anyio.Event()

    async def wait(self) -> None:
        """In the handler."""
        self.reached.set()
        await self.opened.wait()

    async def arrival(self) -> None:
        """In the test: until a handler stands at the gate."""
        with anyio.fail_after(10):
            await self.reached.wait()

    def open(self) -> None:
        self.opened.set()


class Crowd:
    """Handlers that all have read the session before the first of them writes."""

    def __init__(self, size: int) -> None:
        self.missing = size
        self.complete = anyio.Event()

    async def wait(self) -> None:
        self.missing -= 1
        if self.missing == 0:
            self.complete.set()
        with anyio.fail_after(10):
            await self.complete.wait()


class Clock:
    """The time of day, in the test's hands."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += seconds


# -- requests that overlap ---------------------------------------------------------------------------


async def overlapping(browser: Browser, *urls: str) -> list[Reply]:
    """All at once, each with the cookies of now."""
    replies: dict[int, Reply] = {}

    async def send(number: int, url: str) -> None:
        replies[number] = await browser.get(url)

    async with anyio.create_task_group() as tasks:
        for number, url in enumerate(urls):
            tasks.start_soon(send, number, url)
    return [replies[number] for number in range(len(urls))]


async def slow(gate: Gate, browser: Browser, url: str, meanwhile: Callable[[], Awaitable[Any]]) -> Reply:
    """Send `url`, whose handler stands at the gate; do `meanwhile`; open the gate; the slow answer."""
    replies = []

    async def send() -> None:
        replies.append(await browser.get(url))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        await gate.arrival()
        await meanwhile()
        gate.open()
    return replies[0]


class Network:
    """Between the browsers and an app: it holds answers back until the test lets them go on."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.gates: dict[bytes, Gate] = {}

    def hold_back(self, query: str) -> Gate:
        """The next answer to a request whose query begins so. What it had to save is saved by then."""
        gate = self.gates[query.encode()] = Gate()
        return gate

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        found = [query for query in self.gates if scope["query_string"].startswith(query)]
        gate = self.gates.pop(found[0]) if found else None

        async def late(message: Any) -> None:
            if gate and message["type"] == "http.response.start":
                await gate.wait()
            await send(message)

        await self.app(scope, receive, late)


# -- stores ------------------------------------------------------------------------------------------


class Watched(Store):
    """A store that counts its calls, can go away, and can let a test in between its steps."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = MemoryStore() if store is None else store
        self.calls: dict[str, int] = {}
        self.away = False
        self.before: Callable[[str], Awaitable[None]] | None = None

    @property
    def writes(self) -> int:
        return sum(self.calls.get(name, 0) for name in ("create", "replace", "delete"))

    async def _on(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.before:
            await self.before(name)
        if self.away:
            raise StoreUnavailable("the store is away")

    async def create(self, key: str, record: Record) -> bool:
        await self._on("create")
        return await self.store.create(key, record)

    async def load(self, key: str) -> Record | None:
        await self._on("load")
        return await self.store.load(key)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        await self._on("replace")
        return await self.store.replace(key, record, expected=expected)

    async def delete(self, key: str) -> None:
        await self._on("delete")
        await self.store.delete(key)

    async def owned_by(self, owner: str) -> list[tuple[str, Record]]:
        await self._on("owned_by")
        return await self.store.owned_by(owner)

    async def delete_older(self, moment: float) -> int:
        await self._on("delete_older")
        return await self.store.delete_older(moment)

    async def purge(self) -> int:
        await self._on("purge")
        return await self.store.purge()

    async def close(self) -> None:
        await self.store.close()


class Unsure(Watched):
    """A store that does what it is told and then cannot be heard: the answers of some calls are lost."""

    def __init__(self, store: Store | None = None) -> None:
        super().__init__(store)
        self.losing: dict[str, set[int]] = {}
        """Verb → which of its calls from now on lose their answer, counted from 1."""
        self.hanging = False
        """Whether a lost answer keeps its caller waiting, instead of an error that tells of it."""
        self.lost = 0

    def lose(self, verb: str, *numbers: int) -> None:
        self.losing[verb] = {self.calls.get(verb, 0) + number for number in numbers or (1,)}

    async def _answer(self, verb: str) -> None:
        number = self.calls[verb]
        if number in self.losing.get(verb, ()):
            self.losing[verb].discard(number)
            self.lost += 1
            if self.hanging:
                await anyio.sleep_forever()
            raise StoreUnavailable("no answer came back")

    async def create(self, key: str, record: Record) -> bool:
        created = await super().create(key, record)
        await self._answer("create")
        return created

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        replaced = await super().replace(key, record, expected=expected)
        await self._answer("replace")
        return replaced

    async def delete(self, key: str) -> None:
        await super().delete(key)
        await self._answer("delete")


class Repeating(Watched):
    """A store whose client loses the first answer of each write, sends it again, and hears of that."""

    async def create(self, key: str, record: Record) -> bool:
        await self.store.create(key, record)
        return await super().create(key, record)

    async def replace(self, key: str, record: Record, *, expected: int) -> bool:
        await self.store.replace(key, record, expected=expected)
        return await super().replace(key, record, expected=expected)

    async def delete(self, key: str) -> None:
        await self.store.delete(key)
        await super().delete(key)
