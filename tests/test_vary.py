"""COOKIE-5: which look at the session makes the response vary with the cookie, and which does not."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from support import KEY, Browser, site

from sessions import CookieStore, MemoryStore, Session, SessionMiddleware, get_session

pytestmark = [pytest.mark.anyio, pytest.mark.promise("COOKIE-5")]

KINDS: list[Callable[[], Any]] = [MemoryStore, CookieStore]
Look = Callable[[Any], Any]


def swallowed(look: Look) -> Look:
    """A look at a key that is not there is one too."""

    def quietly(session: Any) -> None:
        with pytest.raises(KeyError):
            look(session)

    return quietly


LOOKS: dict[str, Look] = {
    # the facts
    "id": lambda s: s.id,
    "key": lambda s: s.key,
    "is_new": lambda s: s.is_new,
    "created_at": lambda s: s.created_at,
    "expires_at": lambda s: s.expires_at,
    "owner": lambda s: s.owner,
    "authenticated_at": lambda s: s.authenticated_at,
    "is_device_bound": lambda s: s.is_device_bound,
    "device_proof": lambda s: s.device_proof,
    # reading
    "[]": lambda s: s["a"],
    "[] of a missing key": swallowed(lambda s: s["missing"]),
    "get": lambda s: s.get("a"),
    "get of a missing key": lambda s: s.get("missing"),
    "in": lambda s: "a" in s,
    "in, missing": lambda s: "missing" in s,
    "iter": iter,
    "for": lambda s: [*s],
    "reversed": reversed,
    "len": len,
    "bool": bool,
    "keys": lambda s: s.keys(),
    "values": lambda s: s.values(),
    "items": lambda s: s.items(),
    "is_flash": lambda s: s.is_flash("a"),
    "==": lambda s: s == {},
    "== from the left": lambda s: {} == s,  # noqa: SIM300
    "!=": lambda s: s != {},
    "json.dumps": json.dumps,
    "**": lambda s: {**s},
    "dict()": dict,
    "list()": list,
    "sorted()": sorted,
    # copies
    "copy": lambda s: s.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": pickle.dumps,
    "|": lambda s: s | {},
    "| from the left": lambda s: {} | s,
    # changing
    "[] =": lambda s: s.__setitem__("a", 2),
    "set": lambda s: s.set("a", 2),
    "del": lambda s: s.__delitem__("a"),
    "forget": lambda s: s.forget("a"),
    "forget of a missing key": lambda s: s.forget("missing"),
    "pop": lambda s: s.pop("a"),
    "pop of a missing key": lambda s: s.pop("missing", None),
    "popitem": lambda s: s.popitem(),
    "setdefault": lambda s: s.setdefault("a", 1),
    "update": lambda s: s.update(b=1),
    "update with nothing": lambda s: s.update(),
    "update by a function": lambda s: s.update("a", lambda _: 1),
    "|=": lambda s: s.__ior__({"b": 1}),
    "increment": lambda s: s.increment("n"),
    "flash": lambda s: s.flash("message", "hello"),
    "owner =": lambda s: setattr(s, "owner", "ada"),
    "clear": lambda s: s.clear(),
    "destroy": lambda s: s.destroy(),
    "rotate": lambda s: s.rotate(),
    "reauthenticate": lambda s: s.reauthenticate(),
    "set_lifetime": lambda s: s.set_lifetime(60),
    "reset_lifetime": lambda s: s.reset_lifetime(),
    "touch": lambda s: s.touch(),
    "save": lambda s: s.save(),
    "refresh": lambda s: s.refresh(),
    "mark_accessed": lambda s: s.mark_accessed(),
    "mark_modified": lambda s: s.mark_modified(),
}

NO_LOOKS: dict[str, Look] = {
    "nothing": lambda s: None,
    "accessed": lambda s: s.accessed,
    "modified": lambda s: s.modified,
    "isinstance": lambda s: isinstance(s, Session | dict),
    "is": lambda s: s is not None,
    "a test for a method": lambda s: hasattr(s, "get"),
    "repr": repr,
}

SESSION_IS_NO_LOOK = {"fromkeys"}
"""Public names that no session offers."""


def test_each_public_name_is_in_one_of_the_tables() -> None:
    names = {name for name in dir(Session) if not name.startswith("_")}
    assert names - LOOKS.keys() - NO_LOOKS.keys() == SESSION_IS_NO_LOOK


async def vary_of(look: Look, kind: Callable[[], Any], *, anonymous: bool) -> str | None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        if scope["path"] == "/begin":
            session.update(a=1)
        else:
            result = look(session)
            if hasattr(result, "__await__"):
                await result
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    browser = Browser(SessionMiddleware(app, kind(), KEY))
    if not anonymous:
        await browser.get("/begin")
    reply = await browser.get("/look")
    assert (reply.status, reply.error) == (200, None)
    return reply.header("vary")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOOKS)
async def test_a_look_at_a_session_varies(name: str, kind: Callable[[], Any]) -> None:
    assert await vary_of(LOOKS[name], kind, anonymous=False) == "Cookie"


ANONYMOUS = sorted(LOOKS.keys() - {"[]", "del", "pop", "popitem", "json.dumps"})
"""The first ones need a key. The last one is code in C, which calls nothing of an empty dict."""


@pytest.mark.parametrize("name", ANONYMOUS)
async def test_so_does_the_look_of_an_anonymous_request(name: str) -> None:
    assert await vary_of(LOOKS[name], MemoryStore, anonymous=True) == "Cookie"


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NO_LOOKS)
async def test_what_is_no_look_does_not_vary(name: str, kind: Callable[[], Any], anonymous: bool) -> None:
    assert await vary_of(NO_LOOKS[name], kind, anonymous=anonymous) is None


IN_STARLETTE: dict[str, tuple[Callable[[Request], Any], str | None]] = {
    "nothing": (lambda request: None, None),
    "request.session": (lambda request: request.session, "Cookie"),
    "get_session": (get_session, "Cookie"),
    'request.scope["session"]': (lambda request: request.scope["session"], None),
    'a key of request.scope["session"]': (lambda request: request.scope["session"].get("a"), "Cookie"),
    '"session" in request.scope': (lambda request: "session" in request.scope, None),
}


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize("name", IN_STARLETTE)
async def test_in_starlette_to_ask_for_it_is_a_look(name: str, anonymous: bool) -> None:
    look, vary = IN_STARLETTE[name]

    async def ask(request: Request) -> Response:
        look(request)
        return PlainTextResponse()

    browser = Browser(site(ask))
    if not anonymous:
        await browser.get("/write", a="1")
    assert (await browser.get("/ask")).header("vary") == vary


async def test_a_look_after_the_start_of_the_response_comes_too_late_to_be_told() -> None:
    """So does one in a background task: what it reads is not in the response."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["session"].get("a")
        await send({"type": "http.response.body"})

    reply = await Browser(SessionMiddleware(app, MemoryStore())).get("/")
    assert (reply.error, reply.header("vary")) == (None, None)
