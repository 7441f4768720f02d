"""OBJ-5: what a type checker takes. Never run; test_typing.py has it checked."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime
from typing import Annotated, Any, assert_type

from fastapi import Depends
from pydantic import SecretStr
from starlette.datastructures import Secret
from starlette.requests import HTTPConnection, Request
from starlette.websockets import WebSocket

from sessions import (
    CookieOptions,
    CookieStore,
    Field,
    Fields,
    MemoryStore,
    Session,
    SessionMiddleware,
    SQLiteStore,
    TypedSession,
    get_session,
    open_store,
)
from sessions._asgi import ASGIApp


class Visit(Fields):
    email = Field[str]()
    cart = Field[list[int]]()
    visits = Field[int]()
    total = Field[float]()
    note = Field[str | None]("a note")


CurrentVisit = Annotated[TypedSession[Visit], Depends(Visit.of)]


async def dependent(visit: CurrentVisit) -> None:
    assert_type(visit.get(Visit.email), str | None)
    assert_type(visit.increment(Visit.visits), int)


def places(scope: MutableMapping[str, Any]) -> str:
    return str(scope["path"])


def options() -> None:
    CookieOptions(path=places, domain=places)
    CookieOptions(path="/", domain=lambda scope: None)


async def handler(request: Request, socket: WebSocket, connection: HTTPConnection) -> None:
    visit = Visit.of(request)
    assert_type(visit, TypedSession[Visit])
    Visit.of(socket)
    Visit.of(connection)
    Visit.of(request.scope)
    Visit.of(get_session(request))

    assert_type(visit.get(Visit.email), str | None)
    assert_type(visit.get(Visit.email, "nobody"), str)
    assert_type(visit.get(Visit.visits, "none"), int | str)
    assert_type(visit.get(Visit.cart), list[int] | None)
    visit.set(Visit.email, "ada@example.org")
    visit.set(Visit.cart, [1, 2])
    visit.set(Visit.note, None)
    visit.flash(Visit.email, "ada@example.org")
    visit.forget(Visit.cart)
    assert_type(visit.increment(Visit.visits), int)
    assert_type(visit.increment(Visit.total, 0.5), float)
    assert_type(visit.update(Visit.cart, lambda cart: [*(cart or []), 1]), list[int])
    assert_type(Visit.email in visit, bool)
    assert_type(visit[Visit.email], str)
    visit[Visit.cart] = [1]
    visit[Visit.note] = None
    del visit[Visit.cart]
    assert_type(visit.setdefault(Visit.cart, []), list[int])
    visit.setdefault(Visit.cart, []).append(7)
    assert_type(visit.setdefault(Visit.note, None), str | None)
    assert_type(visit.pop(Visit.email), str)
    assert_type(visit.pop(Visit.email, None), str | None)
    assert_type(visit.pop(Visit.visits, "none"), int | str)
    assert_type(visit.is_flash(Visit.email), bool)
    assert_type(list(visit), list[str])
    assert_type(len(visit), int)
    assert_type(visit.owner, str | None)
    visit.owner = 7
    assert_type(visit.is_new, bool)
    assert_type(visit.created_at, datetime | None)
    assert_type(visit.expires_at, datetime | None)
    assert_type(visit.accessed, bool)
    assert_type(visit.modified, bool)
    assert_type(visit.id, str | None)
    assert_type(visit.key, str | None)
    assert_type(visit.untyped, Session)
    visit.touch()
    visit.rotate()
    visit.destroy()
    visit.clear()
    await visit.save()
    await visit.refresh()


CurrentSession = Annotated[Session, Depends(get_session)]


async def dependency(session: CurrentSession) -> None:
    assert_type(session, Session)
    assert_type(Visit.of(session), TypedSession[Visit])
    session.flash("message", "Welcome!")


async def by_default(session: Session = Depends(get_session)) -> None:  # noqa: B008
    assert_type(session, Session)


async def untyped(request: Request) -> None:
    session = get_session(request)
    assert_type(session, Session)
    assert_type(get_session(request, name="cart"), Session)
    assert_type(get_session(request.scope, "session_cart"), Session)
    assert_type(Visit.of(session), TypedSession[Visit])
    session["a"] = 1
    session.set("a", [1])
    session.update({"a": 1}, b=2)
    session.update([("a", 1)])
    session.update("a", lambda value: [value])
    session.pop("a")
    session.pop("a", None)
    session.setdefault("a", []).append(1)
    session.increment("n", 2)
    session.clear()
    await session.refresh()
    assert_type(session.is_flash("a"), bool)
    assert_type(session.modified, bool)
    assert_type(session.key, str | None)


def construct(app: ASGIApp) -> None:
    SessionMiddleware(app, MemoryStore())
    SessionMiddleware(app, store=SQLiteStore("sessions.db"), encryption_key=lambda: "k" * 32, expire_after=60)
    SessionMiddleware(app, CookieStore(max_bytes=4000), ["k" * 32], cookie_options=CookieOptions(path="/a"))
    SessionMiddleware(app, CookieStore(), [Secret("k" * 32), SecretStr("k" * 32), lambda: Secret("k" * 32)])
    SessionMiddleware(app, CookieStore(shared_with="hono-sessions"), "k" * 32)
    SessionMiddleware(app, MemoryStore(), realm="shop")
    SessionMiddleware(app, open_store("memory:"), cookie_options={"same_site": "strict"})
