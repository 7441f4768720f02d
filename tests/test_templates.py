"""OBJ-1: in a Jinja template the app's own keys come first, and the secret id is never found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jinja2 import Environment
from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import SandboxedEnvironment
from starlette.middleware.sessions import Session as StarlettesSession
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from support import KEY, Browser, answer, own, site

from sessions import MemoryStore, Session

pytestmark = [pytest.mark.anyio, pytest.mark.promise("OBJ-1")]

NAMES = sorted(name for name in dir(Session) if not name.startswith("_"))
ENVIRONMENTS = [Environment, SandboxedEnvironment, NativeEnvironment]

ONE_NAME = "{% if session.NAME is callable %}a method{% else %}{{ session.NAME }}{% endif %}"


async def shown(
    template: str, values: dict[str, Any], kind: type[Environment] = Environment
) -> tuple[str, str]:
    """What a page of this template shows of a session with these values, and the session's id."""
    ids: list[Any] = []

    async def fill(request: Request) -> Response:
        own(request).owner = "the owner"
        request.session.update(values)
        return answer()

    async def show(request: Request) -> Response:
        ids.append(own(request).id)
        page = kind(autoescape=True).from_string(template)
        return PlainTextResponse(str(page.render(request=request, session=request.session)))

    browser = Browser(site(fill, show, store=MemoryStore(), encryption_key=KEY))
    await browser.get("/fill")
    return (await browser.get("/show")).text, ids[0]


@pytest.mark.parametrize("name", NAMES)
async def test_a_key_of_each_name_is_found_as_in_starlettes_session(name: str) -> None:
    """A dict's own methods, `items` and `get`, come before keys there too."""
    template = ONE_NAME.replace("NAME", name)
    theirs = StarlettesSession({name: "of the app"})
    theirs.mark_accessed()  # as for each app that asks for it
    expected = Environment(autoescape=True).from_string(template).render(session=theirs)
    page, _ = await shown(template, {name: "of the app"})
    assert page == expected
    item, _ = await shown("{{ request.session['NAME'] }}".replace("NAME", name), {name: "of the app"})
    assert item == "of the app"


@pytest.mark.parametrize("kind", ENVIRONMENTS)
@pytest.mark.parametrize("name", ["owner", "key", "created_at", "is_new"])
async def test_without_such_a_key_the_sessions_own_fact_is_found(name: str, kind: type[Environment]) -> None:
    page, _ = await shown("{{ session.NAME }}".replace("NAME", name), {"a": 1}, kind)
    assert page not in ("", "None")
    if name == "owner":
        assert page == "the owner"


LOOKS_FOR_THE_ID = [
    "{{ session.id }}",
    "{{ request.session.id }}",
    "{{ session['id'] }}",
    "{{ session | attr('id') }}",
    "{{ [session] | map(attribute='id') | join }}",
    "{{ [request] | map(attribute='session.id') | join }}",
    "{{ [session] | selectattr('id') | list }}",
    "{{ [session] | groupby('id') | list }}",
    "{{ session }}",
    "{{ session | pprint }}",
    "{{ session | string }}",
    "{{ session | tojson }}",
    "{{ session | xmlattr }}",
    "{{ session.items() | list }}",
    "{{ session | list }}",
    "{{ request.scope.session.id }}",
    "{{ request.scope.sessions.session.id }}",
    "{% set name = 'id' %}{{ session[name] }}",
    "{% for key in session %}{{ session[key] }}{% endfor %}",
]


@pytest.mark.parametrize("kind", ENVIRONMENTS)
@pytest.mark.parametrize("template", LOOKS_FOR_THE_ID)
async def test_no_template_shows_the_secret_id(template: str, kind: type[Environment]) -> None:
    page, secret = await shown(template, {"a": 1}, kind)
    assert len(secret) == 43
    assert secret not in page


async def test_a_key_named_id_is_the_apps_own() -> None:
    page, secret = await shown("{{ session.id }} {{ session | attr('id') }}", {"id": 7})
    assert page.split()[0] == "7"
    assert secret not in page


async def test_tojson_gives_what_a_page_can_read_back() -> None:
    values = {"a": 1, "cart": ["<b>", "'", '"', "&"], "user": {"name": "Ada </script>"}, "none": None}
    page, _ = await shown("{{ session | tojson }}", values)
    assert json.loads(page) == values
    assert "<" not in page


async def test_a_template_loops_and_tests_as_with_any_dict() -> None:
    template = (
        "{% for key, value in session.items() %}{{ key }}={{ value }};{% endfor %}"
        "{{ 'a' in session }} {{ session | length }} {{ session.get('x', 'none') }} {{ session.missing }}|"
        "{{ session.user.name }} {% if session %}full{% endif %} {{ session | dictsort }}"
    )
    values = {"a": 1, "user": {"name": "Ada"}}
    page, _ = await shown(template, values)
    assert page == Environment(autoescape=True).from_string(template).render(session=values)


async def test_outside_of_templates_the_sessions_names_come_first() -> None:
    async def act(request: Request) -> Response:
        session = own(request)
        session.update(owner="a key", id="a key", key="a key")
        session.owner = "ada"
        return answer([session.owner, session["owner"], session.id, session.key])

    assert (await Browser(site(act)).get("/act")).json() == ["ada", "a key", None, None]
