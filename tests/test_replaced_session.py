"""OBJ-7: an app or a framework puts another mapping in the session's place."""

from __future__ import annotations

from collections import ChainMap, OrderedDict, UserDict
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

import msgspec
import pytest
from litestar import Litestar, Request, get
from litestar.middleware import DefineMiddleware
from starlette.testclient import TestClient
from support import KEY, Browser, Watched

from sessions import CookieStore, LateChange, MemoryStore, SessionMiddleware

pytestmark = pytest.mark.promise("OBJ-7")

KINDS: list[Callable[[], Any]] = [MemoryStore, CookieStore]


class Marker(Enum):
    EMPTY = 0


class Own(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values_ = values

    def __getitem__(self, key: str) -> Any:
        return self.values_[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


START: dict[str, Any] = {"a": "1", "cart": [1], "message": "hello"}


def site_that_puts(other: Any, *, when: str = "before", store: Any = None) -> Browser:
    """A plain ASGI app. At `/put` it replaces the session, before or after its answer starts."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        body: Any = None
        if scope["path"] == "/begin":
            session.update({"a": "1", "cart": [1]})
            session.flash("message", "hello")
        elif scope["path"] == "/put" and when == "before":
            scope["session"] = other
        elif scope["path"] == "/read":
            body = [dict(session), [key for key in session if session.is_flash(key)]]
        elif scope["path"] == "/set":
            session["more"] = "1"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/put" and when == "after":
            scope["session"] = other
        await send({"type": "http.response.body", "body": msgspec.json.encode(body)})

    return Browser(SessionMiddleware(app, MemoryStore() if store is None else store, KEY))


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [dict, UserDict, OrderedDict, MappingProxyType, ChainMap, Own])
async def test_its_content_becomes_the_sessions(make: Callable[[Any], Any], kind: Callable[[], Any]) -> None:
    browser = site_that_puts(make({"a": "2", "message": "hello", "new": {"b": [1]}}), store=kind())
    await browser.get("/begin")
    reply = await browser.get("/put")
    assert (reply.status, reply.error, reply.header("vary")) == (200, None, "Cookie")
    # What the mapping does not have is gone, and what it has as it was stays as it was: a flash value.
    assert (await browser.get("/read")).json() == [
        {"a": "2", "message": "hello", "new": {"b": [1]}},
        ["message"],
    ]
    await browser.get("/set")
    assert (await browser.get("/read")).json()[0]["more"] == "1"


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_it_begins_a_session_where_there_was_none(kind: Callable[[], Any]) -> None:
    browser = site_that_puts({"a": "2"}, store=kind())
    assert len((await browser.get("/put")).set_cookies) == 1
    assert (await browser.get("/read")).json() == [{"a": "2"}, []]


@pytest.mark.anyio
async def test_a_mapping_with_the_same_content_writes_nothing() -> None:
    store = Watched()
    browser = site_that_puts(dict(START), store=store)
    await browser.get("/begin")
    writes = store.writes
    await browser.get("/put")
    assert store.writes == writes
    assert (await browser.get("/read")).json() == [START, ["message"]]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", [{}, UserDict(), None, dict, Marker, Marker.EMPTY], ids=repr)
async def test_an_empty_one_and_a_marker_for_none_end_the_session(
    other: Any, kind: Callable[[], Any]
) -> None:
    browser = site_that_puts(other, store=kind())
    await browser.get("/begin")
    thief = browser.copy()
    reply = await browser.get("/put")
    assert (reply.status, reply.error) == (200, None)
    assert browser.jar == {}
    assert (await browser.get("/read")).json() == [{}, []]
    if kind is MemoryStore:
        assert (await thief.get("/read")).json() == [{}, []]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "other", [[], ["a"], "text", 0, True, object()], ids=lambda each: type(each).__name__
)
async def test_anything_else_is_a_type_error_that_names_the_kind(other: Any, kind: Callable[[], Any]) -> None:
    browser = site_that_puts(other, store=kind())
    await browser.get("/begin")
    reply = await browser.get("/put")
    assert isinstance(reply.error, TypeError)
    assert f'scope["session"] is a {type(other).__name__}' in str(reply.error)
    assert (await browser.get("/read")).json() == [START, ["message"]]


NOT_JSON: dict[str, tuple[dict[Any, Any], str]] = {
    "a value": ({"a": "2", "bad": {1, 2}}, r"session\['bad'\] is of type set"),
    "a nested value": ({"a": "2", "bad": {"in": [object()]}}, r"session\['bad'\] holds at \['in'\]\[0\]"),
    "a key": ({"a": "2", 7: "bad"}, "session keys are strings, not int"),
    "not a number": ({"a": "2", "bad": float("nan")}, r"session\['bad'\] is a number that is not finite"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NOT_JSON)
async def test_what_json_cannot_hold_is_refused_and_loses_nothing(name: str, kind: Callable[[], Any]) -> None:
    values, fault = NOT_JSON[name]
    browser = site_that_puts(values, store=kind())
    await browser.get("/begin")
    reply = await browser.get("/put")
    assert isinstance(reply.error, TypeError)
    with pytest.raises(TypeError, match=fault):
        raise reply.error
    assert reply.set_cookies == []
    assert (await browser.get("/read")).json() == [START, ["message"]]


@pytest.mark.anyio
@pytest.mark.promise("SAVE-3")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", [{"a": "2"}, {}], ids=repr)
async def test_after_the_start_of_the_response_it_is_a_late_change(
    other: Any, kind: Callable[[], Any]
) -> None:
    browser = site_that_puts(other, when="after", store=kind())
    await browser.get("/begin")
    reply = await browser.get("/put")
    assert isinstance(reply.error, LateChange)
    assert (await browser.get("/read")).json() == [START, ["message"]]


def test_at_a_websocket_too() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            scope["session"] = {"a": "from the socket"}
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["session"].get("a", "").encode()})

    client = TestClient(SessionMiddleware(app, MemoryStore()))
    with client.websocket_connect("/") as socket:
        headers: dict[bytes, bytes] = dict(socket.extra_headers or ())
    cookie = headers[b"set-cookie"].decode().partition(";")[0]
    assert client.get("/", headers={"cookie": cookie}).text == "from the socket"


# -- Litestar ----------------------------------------------------------------------------------------

LitestarRequest = Request[Any, Any, Any]


def litestar_that_puts(other: Any, kind: Callable[[], Any]) -> Browser:
    @get("/begin")
    async def begin(request: LitestarRequest) -> None:
        request.session.update({"a": "1", "cart": [1]})

    @get("/read")
    async def read(request: LitestarRequest) -> dict[str, Any]:
        return dict(request.session)

    @get("/put")
    async def put(request: LitestarRequest) -> None:
        request.set_session(other)

    middleware: Any = SessionMiddleware
    app: Any = Litestar(
        [begin, read, put],
        middleware=[DefineMiddleware(middleware, store=kind(), encryption_key=KEY)],
        openapi_config=None,
        logging_config=None,
    )
    return Browser(app)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_in_litestar_keys_that_are_not_set_again_are_gone(kind: Callable[[], Any]) -> None:
    browser = litestar_that_puts({"cart": [1, 2]}, kind)
    await browser.get("/begin")
    assert (await browser.get("/put")).status == 200
    assert (await browser.get("/read")).json() == {"cart": [1, 2]}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_in_litestar_an_empty_one_is_a_logout(kind: Callable[[], Any]) -> None:
    browser = litestar_that_puts({}, kind)
    await browser.get("/begin")
    await browser.get("/put")
    assert browser.jar == {}
    assert (await browser.get("/read")).json() == {}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_in_litestar_what_json_cannot_hold_is_a_500_and_loses_nothing(kind: Callable[[], Any]) -> None:
    browser = litestar_that_puts({"bad": {1}}, kind)
    await browser.get("/begin")
    reply = await browser.get("/put")
    assert reply.status == 500
    assert (await browser.get("/read")).json() == {"a": "1", "cart": [1]}
