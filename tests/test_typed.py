"""OBJ-5 at run time: the typed view is the session itself, with other names for its keys."""

from __future__ import annotations

import jinja2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, answer, new_session, own, site

from sessions import Field, Fields, Session, TypedSession

pytestmark = pytest.mark.promise("OBJ-5: at run time")

UNTYPED = {
    "copy": "of values of many types",
    "fromkeys": "no session offers it",
    "items": "of values of many types",
    "keys": "of fields of many types",
    "mark_accessed": "for Starlette to call, not for a handler",
    "mark_modified": "for code that was written for Starlette's session",
    "popitem": "of values of many types",
    "values": "of values of many types",
}
"""Names of `Session` that `TypedSession` leaves to `untyped`, and why."""


class Visit(Fields):
    email = Field[str]()
    cart = Field[list[int]]()
    visits = Field[int]("number of visits")
    whose = Field[str]("owner")
    secret = Field[str]("id")


def public(cls: type[object]) -> set[str]:
    return {name for name in dir(cls) if not name.startswith("_")}


def test_it_offers_what_a_session_offers() -> None:
    assert public(Session) - public(TypedSession) == set(UNTYPED)
    assert public(TypedSession) - public(Session) == {"untyped"}


FACTS = ("accessed", "created_at", "expires_at", "id", "is_new", "key", "modified", "owner")


@pytest.mark.anyio
async def test_its_facts_are_those_of_the_session() -> None:
    async def facts(request: Request) -> Response:
        session, visit = own(request), Visit.of(request)
        if "write" in request.query_params:
            visit[Visit.visits] = 1
            visit.owner = 7
        same = {name: getattr(visit, name) == getattr(session, name) for name in FACTS}
        for name in set(FACTS) - {"owner"}:
            with pytest.raises(AttributeError):
                setattr(visit, name, None)
        return answer([name for name in FACTS if not same[name]])

    browser = Browser(site(facts, expire_after=60))
    for url in (
        "/facts?write",
        "/facts",
    ):  # of a new session that was written, then of an old one that is read
        assert (await browser.get(url)).json() == []


@pytest.mark.anyio
async def test_it_is_that_of_get_session_whatever_is_in_its_place() -> None:
    async def same(request: Request) -> Response:
        session = own(request)
        request.scope["session"] = {"of": "another middleware"}
        found = [Visit.of(each).untyped is session for each in (request, request.scope, session)]
        request.scope["session"] = session
        return answer(found)

    assert (await Browser(site(same)).get("/same")).json() == [True, True, True]


def test_without_a_middleware_there_is_none() -> None:
    with pytest.raises(LookupError, match="no SessionMiddleware"):
        Visit.of({"type": "http"})


def test_values_by_their_fields() -> None:
    session = new_session()
    visit = Visit.of(session)
    with pytest.raises(KeyError):
        visit[Visit.email]
    visit[Visit.email] = "ada@example.org"
    assert session == {"email": "ada@example.org"}
    assert visit[Visit.email] == "ada@example.org"
    visit.setdefault(Visit.cart, []).append(7)
    visit.setdefault(Visit.cart, []).append(8)
    assert session["cart"] == [7, 8]
    assert list(visit) == ["email", "cart"]
    assert len(visit) == 2
    assert visit.pop(Visit.cart) == [7, 8]
    assert visit.pop(Visit.cart, None) is None
    with pytest.raises(KeyError):
        visit.pop(Visit.cart)
    del visit[Visit.email]
    assert not visit
    with pytest.raises(KeyError):
        del visit[Visit.email]


def test_a_flash_value_is_there_for_one_read() -> None:
    visit = Visit.of(new_session())
    visit.flash(Visit.email, "once")
    assert visit.is_flash(Visit.email)
    assert visit[Visit.email] == "once"
    assert not visit.is_flash(Visit.email)
    assert Visit.email not in visit


@pytest.mark.anyio
async def test_clear_is_a_logout() -> None:
    async def log_out(request: Request) -> Response:
        Visit.of(request).clear()
        return answer()

    browser = Browser(site(log_out))
    await browser.get("/write?email=ada")
    before = browser.copy()
    await browser.get("/log_out")
    assert browser.cookie() is None
    assert (await before.get("/read")).json() == {}


@pytest.mark.anyio
async def test_refresh_shows_what_another_request_has_done() -> None:
    async def slow(request: Request) -> Response:
        visit = Visit.of(request)
        before = visit.get(Visit.visits)
        await browser.get("/increment", key="number of visits")
        await visit.refresh()
        return answer([before, visit.get(Visit.visits)])

    browser = Browser(site(slow))
    await browser.get("/increment", key="number of visits")
    assert (await browser.get("/slow")).json() == [1, 2]


@pytest.mark.anyio
async def test_a_template_finds_the_app_s_keys_and_never_the_secret() -> None:
    """As with `request.session` itself."""

    async def page(request: Request) -> Response:
        visit = Visit.of(request)
        text = jinja2.Template(
            "{{ visit.email }} {{ visit.owner }} [{{ visit.id }}]", autoescape=True
        ).render(visit=visit)
        assert visit.id
        assert visit.id not in text
        return answer([text, visit.owner])

    async def log_in(request: Request) -> Response:
        Visit.of(request).owner = "7"
        Visit.of(request)[Visit.email] = "ada"
        return answer()

    browser = Browser(site(page, log_in))
    await browser.get("/log_in")
    assert (await browser.get("/page")).json() == ["ada 7 []", "7"]
    await browser.get("/write", owner="Ada", id="mine")
    assert (await browser.get("/page")).json() == ["ada Ada [mine]", "7"]
