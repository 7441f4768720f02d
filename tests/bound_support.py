"""What the tests of device binding share: an app, browsers that bind sessions, thieves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import Response
from support import answer, own, site

from sessions import DeviceBinding, Event
from sessions.testing import AsyncBoundBrowser

URL = "https://app.example"
ENDPOINT = "/device-session"

REGISTRATION = "secure-session-registration"
CHALLENGE = "secure-session-challenge"
PROOF = "secure-session-response"
IDENTIFIER = "sec-secure-session-id"


async def login(request: Request) -> Response:
    own(request).owner = request.query_params.get("user", "ada")
    own(request)["secret"] = f"of {own(request).owner}"
    return answer()


async def logout(request: Request) -> Response:
    own(request).owner = None
    return answer()


async def reauthenticate(request: Request) -> Response:
    own(request).reauthenticate()
    return answer()


async def who(request: Request) -> Response:
    session = own(request)
    proof = session.device_proof
    return answer(
        {
            "owner": session.owner,
            "bound": session.is_device_bound,
            "data": dict(session),
            "proved_at": proof and proof.proved_at.timestamp(),
            "expires_at": proof and proof.expires_at.timestamp(),
        }
    )


def bound_site(store: Any = None, *, binding: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """An app whose sessions are bound, in browsers that can."""
    routes = options.pop("handlers", ())
    events: list[Event] = []
    app = site(
        *(login, logout, reauthenticate, who, *routes),
        store=store,
        expire_after=86_400,
        device_binding=DeviceBinding(**(binding or {})),
        on_event=events.append,
        **options,
    )
    app.events = events  # type: ignore[attr-defined]
    return app


def client_of(app: Any, url: str = URL, cookies: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    jar = httpx.Cookies()
    for name, value in (cookies or {}).items():
        jar.set(name, value, domain="app.example")
    return httpx.AsyncClient(transport=transport, base_url=url, cookies=jar)


def browser_of(app: Any, url: str = URL) -> AsyncBoundBrowser:
    """A browser that binds sessions."""
    return AsyncBoundBrowser(client_of(app, url))


async def bound_browser(app: Any, user: str = "ada") -> AsyncBoundBrowser:
    """One that has logged in, and is bound."""
    browser = browser_of(app)
    await browser.post("/login", params={"user": user})
    assert len(browser.bonds) == 1
    return browser


def cookies_of(browser: AsyncBoundBrowser | httpx.AsyncClient) -> dict[str, str]:
    client: Any = browser.client if isinstance(browser, AsyncBoundBrowser) else browser
    return {cookie.name: str(cookie.value) for cookie in client.cookies.jar}


def thief_of(app: Any, browser: AsyncBoundBrowser | httpx.AsyncClient) -> httpx.AsyncClient:
    """Another device with all cookies of this one, wherever they were to be sent."""
    return client_of(app, cookies=cookies_of(browser))


async def seen(client: Any) -> Any:
    """Whom the app sees."""
    return (await client.get("/who")).json()["owner"]


async def renewal(
    client: httpx.AsyncClient, identifier: str, proof: str | None = None, **headers: str
) -> httpx.Response:
    """A request for a renewal, as a browser sends it, or a thief who plays one."""
    sent = {IDENTIFIER: identifier, **headers}
    if proof is not None:
        sent[PROOF] = proof
    return await client.post(ENDPOINT, headers=sent)


async def challenge_of(client: httpx.AsyncClient, identifier: str) -> str:
    response = await renewal(client, identifier)
    assert response.status_code == 403
    return response.headers[CHALLENGE].partition(";")[0].strip('"')


def invited(response: httpx.Response) -> str:
    """The challenge of an invitation."""
    return str(response.headers[REGISTRATION].split('challenge="')[1].rstrip('"'))


async def registration(client: httpx.AsyncClient, proof: str, **headers: str) -> httpx.Response:
    return await client.post(ENDPOINT, headers={PROOF: proof, **headers})


def kinds(app: Any) -> list[str]:
    return [event.kind for event in app.events]
