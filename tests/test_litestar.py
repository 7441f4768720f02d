"""OBJ-1: Litestar's `request.session`, `set_session` and `clear_session` work with this session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from litestar import Litestar, Request, get
from litestar.exceptions import NotFoundException
from litestar.middleware import DefineMiddleware
from support import KEY, Browser

from sessions import CookieStore, MemoryStore, Session, SessionMiddleware

pytestmark = [pytest.mark.anyio, pytest.mark.promise("OBJ-1")]

LitestarRequest = Request[Any, Any, Any]


@get("/read")
async def read(request: LitestarRequest) -> dict[str, Any]:
    return request.session


@get("/copy")
async def copy(request: LitestarRequest) -> dict[str, Any]:
    return dict(request.session)


@get("/write")
async def write(request: LitestarRequest) -> dict[str, Any]:
    request.session.update(request.query_params)
    return request.session


@get("/in_a_thread", sync_to_thread=True)
def in_a_thread(request: LitestarRequest) -> dict[str, Any]:
    request.session.setdefault("steps", []).append("one more")
    return request.session


@get("/replace")
async def replace(request: LitestarRequest) -> None:
    request.set_session({"user": {"name": "ada"}, "kept": 1})


@get("/leave")
async def leave(request: LitestarRequest) -> None:
    request.clear_session()


@get("/missing")
async def missing(request: LitestarRequest) -> None:
    request.session["missed"] = True
    raise NotFoundException


@get("/flash")
async def flash(request: LitestarRequest) -> None:
    session = request.session
    assert isinstance(session, Session)
    session.flash("message", "hello")


@get("/message")
async def message(request: LitestarRequest) -> str | None:
    found: str | None = request.session.get("message")
    return found


@pytest.fixture(params=[MemoryStore, CookieStore])
def kind(request: pytest.FixtureRequest) -> Callable[[], Any]:
    kind: Callable[[], Any] = request.param
    return kind


@pytest.fixture
def visitor(kind: Callable[[], Any]) -> Browser:
    middleware: Any = SessionMiddleware  # Litestar types a scope as a TypedDict, other ASGI apps as a mapping
    app: Any = Litestar(
        [read, copy, write, in_a_thread, replace, leave, missing, flash, message],
        middleware=[DefineMiddleware(middleware, store=kind(), encryption_key=KEY)],
        openapi_config=None,
        logging_config=None,
    )
    return Browser(app)


async def test_what_a_handler_sets_is_there_for_the_next(visitor: Browser) -> None:
    assert (await visitor.get("/write", a="1")).json() == {"a": "1"}
    assert (await visitor.get("/in_a_thread")).json() == {"a": "1", "steps": ["one more"]}
    assert (await visitor.get("/in_a_thread")).json() == {"a": "1", "steps": ["one more", "one more"]}
    assert (await visitor.get("/read")).json() == {"a": "1", "steps": ["one more", "one more"]}


@pytest.mark.promise("OBJ-7")
async def test_set_session_replaces_the_content(visitor: Browser) -> None:
    await visitor.get("/write", a="1")
    assert (await visitor.get("/replace")).status == 200
    assert (await visitor.get("/read")).json() == {"user": {"name": "ada"}, "kept": 1}
    await visitor.get("/write", kept="2")
    assert (await visitor.get("/read")).json() == {"user": {"name": "ada"}, "kept": "2"}


@pytest.mark.promise("OBJ-7")
async def test_set_session_begins_a_session(visitor: Browser) -> None:
    assert len((await visitor.get("/replace")).set_cookies) == 1
    assert (await visitor.get("/read")).json() == {"user": {"name": "ada"}, "kept": 1}


@pytest.mark.promise("OBJ-7")
async def test_clear_session_is_a_logout(visitor: Browser, kind: Callable[[], Any]) -> None:
    await visitor.get("/write", a="1")
    thief = visitor.copy()
    assert (await visitor.get("/leave")).status == 200
    assert visitor.sent("/") == {}
    assert (await visitor.get("/read")).json() == {}
    if kind is MemoryStore:
        assert (await thief.get("/read")).json() == {}


async def test_a_response_that_depends_on_the_session_varies(visitor: Browser) -> None:
    await visitor.get("/write", a="1")
    response = await visitor.get("/copy")
    assert (response.json(), response.header("vary")) == ({"a": "1"}, "Cookie")


async def test_an_error_that_litestar_answers_keeps_the_changes(visitor: Browser) -> None:
    assert (await visitor.get("/missing")).status == 404
    assert (await visitor.get("/read")).json() == {"missed": True}


async def test_a_session_that_is_returned_shows_flash_values_and_keeps_them(visitor: Browser) -> None:
    await visitor.get("/flash")
    for page in ("/read", "/copy"):
        assert (await visitor.get(page)).json() == {"message": "hello"}
    assert (await visitor.get("/message")).text == "hello"
    assert (await visitor.get("/read")).json() == {}
