"""OBJ-5: what a type checker must refuse, line by line. Never run; test_typing.py has it checked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from sessions import (
    CookieOptions,
    CookieStore,
    Field,
    Fields,
    MemoryStore,
    SessionMiddleware,
    TypedSession,
    get_session,
)
from sessions._asgi import ASGIApp


class Visit(Fields):
    email = Field[str]()
    cart = Field[list[int]]()
    visits = Field[int]()


class Shop(Fields):
    basket = Field[str]()


async def unknown_keys(request: Request) -> None:
    visit = Visit.of(request)
    visit.get(Visit.emial)  # error: no such field
    visit.set(Visit.emial, "ada@example.org")  # error: no such field
    visit.flash(Visit.emial, "ada@example.org")  # error: no such field
    visit.get("email")  # error: a string is no field
    visit.set("email", "ada@example.org")  # error: a string is no field
    visit.flash("email", "ada@example.org")  # error: a string is no field
    visit.get(Shop.basket)  # error: a field of another declaration
    visit.set(Shop.basket, "bread")  # error: a field of another declaration
    visit.flash(Shop.basket, "bread")  # error: a field of another declaration
    visit.forget(Shop.basket)  # error: a field of another declaration
    visit.is_flash(Shop.basket)  # error: a field of another declaration
    visit.setdefault(Shop.basket, "bread")  # error: a field of another declaration
    visit.pop(Shop.basket)  # error: a field of another declaration
    visit.pop("email", None)  # error: a string is no field
    visit[Shop.basket] = "bread"  # error: a field of another declaration
    visit[Visit.emial]  # error: no such field
    visit["email"]  # error: a string is no field
    del visit["email"]  # error: a string is no field


CurrentVisit = Annotated[TypedSession[Visit], Depends(Visit.of)]


async def dependent(visit: CurrentVisit) -> None:
    visit.get(Visit.emial)  # error: no such field
    visit.get(Shop.basket)  # error: a field of another declaration
    visit.set(Visit.email, 7)  # error: a number for a string
    Visit.of("session")  # error: no request


async def wrong_values(request: Request) -> None:
    visit = Visit.of(request)
    visit.set(Visit.email, 7)  # error: a number for a string
    visit.set(Visit.email, None)  # error: nothing for a string
    visit.set(Visit.cart, ["bread"])  # error: strings for numbers
    visit.set(Visit.visits, "one")  # error: a string for a number
    visit.flash(Visit.email, 7)  # error: a number for a string
    visit.flash(Visit.cart, "bread")  # error: a string for a list
    email: str = visit.get(Visit.email)  # error: there may be none
    number: int = visit.get(Visit.email, "nobody")  # error: a string for a number
    visit[Visit.email] = 7  # error: a number for a string
    visit.setdefault(Visit.cart, None)  # error: nothing for a list
    visit.setdefault(Visit.cart, []).append("bread")  # error: a string for a number
    popped: str = visit.pop(Visit.email, None)  # error: there may be none
    visit.increment(Visit.email)  # error: a string cannot be incremented
    visit.update(Visit.visits, lambda value: "one")  # error: a string for a number
    visit.is_new = True  # error: a fact is read-only
    visit.created_at = None  # error: a fact is read-only
    visit.expires_at = None  # error: a fact is read-only
    visit.modified = False  # error: a fact is read-only
    visit.id = "mine"  # error: a fact is read-only
    visit.owner = 1.5  # error: an owner is a string or a number
    del email, number, popped


async def untyped(request: Request) -> None:
    session = get_session(request)
    session[7] = 1  # error: a key is a string
    session.set(7, 1)  # error: a key is a string
    session.is_new = False  # error: a fact is read-only
    session.owner = 1.5  # error: an owner is a string or a number
    session.increment("n", "1")  # error: a number
    session.key = "mine"  # error: a fact is read-only
    get_session(request, 7)  # error: a cookie's name is text
    get_session("session")  # error: no request


async def app() -> None:
    SessionMiddleware(app, MemoryStore())  # error: no ASGI app
    CookieOptions(same_site="sometimes")  # error: no such value
    CookieOptions(path=lambda scope: None)  # error: a path is text
    CookieOptions(domain=lambda scope: 7)  # error: a domain is text or nothing
    CookieOptions(domain=lambda: "a.example")  # error: a function of the scope
    CookieOptions("/")  # error: by keyword only
    CookieStore(shared_with="another")  # error: no such library


def bad_keys(app: ASGIApp) -> None:
    SessionMiddleware(app, MemoryStore(), b"k" * 32)  # error: a key is text
    SessionMiddleware(app, MemoryStore(), ["k" * 32, 7])  # error: each key is text
    SessionMiddleware(app, MemoryStore(), lambda: b"k" * 32)  # error: a function returns text
