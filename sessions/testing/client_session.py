"""The session of a test's client: begin it, look into it, change it, without any page of the app.

    with TestClient(app) as client:
        session = ClientSession(app, client)
        session.begin({"cart": ["bread"]}, owner="ada")  # signed in without the form
        client.post("/cart", json="milk")
        assert session.look().data == {"cart": ["bread", "milk"]}

docs/testing.md has recipes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import iscoroutine
from typing import Any, Generic

from anyio.from_thread import BlockingPortal, start_blocking_portal

from sessions._middleware import SessionMiddleware
from sessions.testing.clients import ClientT, Cookies, address_of, cookies_of
from sessions.testing.finding import middleware_of
from sessions.testing.seen import SeenSession, changing, filling, seeing
from sessions.testing.visit import Handler, close_store, cookie_url, visit


class _Base(Generic[ClientT]):
    client: ClientT
    """The client that was given."""

    def __init__(
        self, app: Any, client: ClientT, *, url: str | None = None, cookie_name: str | None = None
    ) -> None:
        """
        Args:
            app: the app with its `SessionMiddleware`, or that middleware itself, if it is not found in the
                app. Only its options count. Another process may serve the client, if its middleware has the
                same options and a store on the same data.
            client: where the cookies are: a client of httpx or requests, Starlette's `TestClient`, a browser
                context of Playwright, or an `http.cookiejar.CookieJar` for anything else.
            url: the app's address. `client.base_url` by default, if the client has one. Its path counts where
                the cookie's path or domain is a function of the request.
            cookie_name: which session, if the app has several.

        Raises `ValueError` if nobody says the address, and `TypeError` for a client of another kind.
        """
        self.client = client
        self._app = app
        self._url = address_of(client, url)
        self._cookie_name = cookie_name
        cookies_of(client, self._url)

    def _found(self) -> tuple[SessionMiddleware, Cookies]:
        """The app's middleware, which may be built only now, and the client's cookies for it."""
        middleware = middleware_of(self._app, self._cookie_name)
        return middleware, cookies_of(self.client, cookie_url(middleware, self._url))


class AsyncClientSession(_Base[ClientT]):
    """The session of a client in an asynchronous test, such as httpx's `AsyncClient`.

    All runs in the caller's event loop. Each method raises `StoreUnavailable`, and `LookupError` if the app
    has no `SessionMiddleware`, or several and no `cookie_name` says which.
    """

    async def begin(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        owner: str | int | None = None,
        flash: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin a session with these values, and make it the client's. An owner signs the client in.

        Raises `ValueError` if there is nothing to keep, or if the client does not send such a cookie to its
        address; `TypeError` for a value that JSON cannot hold; `SessionTooLarge`.
        """
        await self._visit(filling(values, owner, flash), begins=True)

    async def look(self) -> SeenSession | None:
        """The client's session; None if it has none, or if it is over.

        Nothing changes by it: no flash value is used up, the session is not extended and keeps its id, and
        `on_event` hears nothing.
        """
        seen = list[SeenSession]()
        await self._visit(seeing(seen), only_looks=True)
        return seen[0] if seen else None

    async def change(self, function: Handler) -> None:
        """Call the function, which may be asynchronous, with the client's session; save what it changed.

        It can do what a handler can: set values, flash, `rotate()`, `destroy()`. Like a request, it extends
        the session.

        Raises `LookupError` if the client has no living session, what the function raises, `SessionEnded` and
        `SessionTooLarge`. Nothing is saved then.
        """
        await self._visit(changing(function))

    async def _visit(self, handler: Handler, *, begins: bool = False, only_looks: bool = False) -> None:
        middleware, cookies = self._found()
        answer = await _awaited(cookies.ask())
        header = "" if begins else cookies.header(answer)
        lines = await visit(middleware, handler, url=self._url, cookies=header, only_looks=only_looks)
        if begins:
            for step in cookies.forget(answer, middleware.cookie_name):
                await _awaited(step)
        if not only_looks:
            for step in cookies.keep(lines):
                await _awaited(step)


class ClientSession(_Base[ClientT]):
    """The session of a client in a test that is not asynchronous, such as Starlette's `TestClient`.

    The methods are those of `AsyncClientSession`, and raise the same. They run in the event loop of the
    `TestClient` if that is open (`with TestClient(app) as client:`), because connections of a store belong to
    one loop. Else each runs in a loop of its own, and the store closes there what it has opened.
    """

    def begin(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        owner: str | int | None = None,
        flash: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin a session with these values, and make it the client's. An owner signs the client in."""
        self._visit(filling(values, owner, flash), begins=True)

    def look(self) -> SeenSession | None:
        """The client's session; None if it has none, or if it is over. Nothing changes by it."""
        seen = list[SeenSession]()
        self._visit(seeing(seen), only_looks=True)
        return seen[0] if seen else None

    def change(self, function: Handler) -> None:
        """Call the function, which may be asynchronous, with the client's session; save what it changed."""
        self._visit(changing(function))

    def _visit(self, handler: Handler, *, begins: bool = False, only_looks: bool = False) -> None:
        middleware, cookies = self._found()
        # Playwright's methods are called in the thread of the test: they belong to it.
        answer = _not_awaitable(cookies.ask())
        header = "" if begins else cookies.header(answer)

        async def run(*, closes: bool) -> list[str]:
            try:
                return await visit(middleware, handler, url=self._url, cookies=header, only_looks=only_looks)
            finally:
                if closes:
                    await close_store(middleware)

        portal = _portal_of(self.client)
        if portal is not None:
            lines = portal.call(lambda: run(closes=False))
        else:
            with start_blocking_portal(**getattr(self.client, "async_backend", {})) as own_portal:
                lines = own_portal.call(lambda: run(closes=True))
        if begins:
            _all(cookies.forget(answer, middleware.cookie_name))
        if not only_looks:
            _all(cookies.keep(lines))


def _portal_of(client: Any) -> BlockingPortal | None:
    """The way into the event loop of an open `TestClient`, Starlette's or Litestar's."""
    portals = (getattr(client, name, None) for name in ("portal", "blocking_portal"))
    return next((portal for portal in portals if isinstance(portal, BlockingPortal)), None)


async def _awaited(result: Any) -> Any:
    return await result if iscoroutine(result) else result


def _not_awaitable(result: Any) -> Any:
    """Raises `TypeError` for what an asynchronous client returns."""
    if iscoroutine(result):
        result.close()
        raise TypeError("this client is asynchronous: take AsyncClientSession")
    return result


def _all(steps: Iterator[Any]) -> None:
    for step in steps:
        _not_awaitable(step)
