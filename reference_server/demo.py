"""What every handler needs: the profile it serves, its session, its gate, and how to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from reference_server.attempts import Attempts
from reference_server.gates import Gates, Outcomes
from reference_server.profiles import Profile
from sessions import Session, get_session
from sessions.stores import Storage


@dataclass(frozen=True)
class Demo:
    """`kind` (of the store) and `server` are what the inspector shows: no addresses, no passwords."""

    profile: Profile
    profiles: Sequence[Profile]
    store: Storage
    kind: str
    server: str
    gates: Gates
    outcomes: Outcomes
    attempts: Attempts
    templates: Environment
    key: str = field(repr=False)


class DeliberateError(Exception):
    """Raised by the routes that exist to fail; answered with a 500 and kept out of the server's log."""


def demo(connection: HTTPConnection) -> Demo:
    return cast(Demo, connection.app.state.demo)


def session_of(connection: HTTPConnection) -> Session:
    """The profile's main session."""
    return get_session(connection, demo(connection).profile.cookie)


def cart(connection: HTTPConnection) -> Session:
    return get_session(connection, demo(connection).profile.cart_cookie)


async def opened(connection: HTTPConnection, session: Session | None = None) -> Session:
    """The session, after the gate that the request names with `?gate=`, if it names one.

    The session is looked at before the gate, so that what happens while the request waits is news to it.
    """
    session = session_of(connection) if session is None else session
    len(session)
    await gate(connection)
    return session


async def gate(connection: HTTPConnection, parameter: str = "gate") -> None:
    if name := connection.query_params.get(parameter):
        await demo(connection).gates.wait(name)


async def form_fields(request: Request) -> dict[str, str]:
    """What the form says, and only the form: an address is in logs, histories and other people's links."""
    form = await request.form()
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def fields(request: Request) -> dict[str, str]:
    """For the lab: query, form and path together, so that links, forms and scripts all reach every route."""
    found = dict(request.query_params)
    if request.method == "POST":
        found |= await form_fields(request)
    return found | {name: str(value) for name, value in request.path_params.items()}


def required(given: Mapping[str, str], name: str) -> str:
    """Raises a 400 `HTTPException` when the field is missing or empty."""
    if not given.get(name):
        raise HTTPException(400, f"{name} is missing")
    return given[name]


def whole_number(given: Mapping[str, str], name: str, default: int) -> int:
    """Raises a 400 `HTTPException` for what is no number or a negative one."""
    text = given.get(name, "") or str(default)
    if not text.isdecimal() or len(text) > 9:
        raise HTTPException(400, f"{name} must be a whole number")
    return int(text)


def url(connection: HTTPConnection, path: str) -> str:
    """The address of a path of this profile, wherever the profile and the whole app are mounted."""
    return str(connection.scope.get("root_path", "")) + path


def wants_page(request: Request) -> bool:
    """A person's form or link, as opposed to a script that reads the JSON."""
    return "text/html" in request.headers.get("accept", "")


def done(request: Request, what: str, **facts: Any) -> Response:
    """A person goes back to the lab, a script gets the facts."""
    if wants_page(request):
        return RedirectResponse(url(request, f"/lab?done={what}"), status_code=303)
    return JSONResponse({"ok": True, **facts})
