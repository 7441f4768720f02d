"""Fixtures for the tests of an app. In the conftest.py at the root of the tests:

    pytest_plugins = ["sessions.testing.plugin"]

    @pytest.fixture
    def session_app():
        return app

The package does not register them by itself. If it did, pytest would import it, with all that it needs, in
each run of each project in whose environment it is installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from sessions.testing.client_session import AsyncClientSession, ClientSession

if TYPE_CHECKING:
    from httpx import AsyncClient
    from playwright.sync_api import BrowserContext
    from starlette.testclient import TestClient


@pytest.fixture
def session_app() -> Any:
    """The app of the tests. Override it: the other fixtures use it."""
    raise NotImplementedError("sessions.testing.plugin needs a fixture session_app, which returns your app")


@pytest.fixture
def client_session(session_app: Any) -> Iterator[ClientSession[TestClient]]:
    """The session of Starlette's `TestClient`, which is `client_session.client` and is open."""
    from starlette.testclient import TestClient  # noqa: PLC0415

    with TestClient(session_app, base_url="https://testserver") as client:
        yield ClientSession(session_app, client)


@pytest.fixture
def async_client_session(session_app: Any) -> AsyncClientSession[AsyncClient]:
    """The session of an `AsyncClient` of httpx, which is `async_client_session.client`."""
    from httpx import ASGITransport, AsyncClient  # noqa: PLC0415

    client = AsyncClient(transport=ASGITransport(session_app), base_url="https://testserver")
    return AsyncClientSession(session_app, client)


@pytest.fixture
def browser_session(
    session_app: Any, context: BrowserContext, base_url: str
) -> ClientSession[BrowserContext]:
    """The session of the browser context of pytest-playwright. `--base-url` is the address of the app, which
    runs elsewhere, with a store on the same data as that of `session_app`."""
    return ClientSession(session_app, context, url=base_url)
