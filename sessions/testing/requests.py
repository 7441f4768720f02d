"""The promises that need the whole way: requests through `SessionMiddleware` to the store and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio

from sessions._middleware import SessionMiddleware
from sessions._session import Session
from sessions.stores.base import Store
from sessions.testing.kit import Kit, all_at_once

Handler = Callable[[Session], Awaitable[None]]

REQUESTS = 20


class Visitor:
    """A browser that knows one cookie."""

    def __init__(self, store: Store, cookie: str | None = None) -> None:
        self.store = store
        self.cookie = cookie

    async def visit(self, handler: Handler) -> None:
        """One request to an app that has just this handler; a middleware of its own, as in a new worker."""

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await handler(scope["session"])
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                assert message["status"] == 200, "the store was not available"
                cookies = [value.decode() for name, value in message["headers"] if name == b"set-cookie"]
                for cookie in cookies:
                    value = cookie.partition(";")[0].partition("=")[2]
                    self.cookie = None if "max-age=0" in cookie.lower() else value

        headers = [(b"cookie", f"session={self.cookie}".encode())] if self.cookie else []
        scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": headers}
        await SessionMiddleware(app, store=self.store)(scope, receive, send)

    async def read(self) -> dict[str, Any]:
        """All that the session holds; nothing for an anonymous visitor."""
        seen: dict[str, Any] = {}

        async def look(session: Session) -> None:
            seen.update({} if session.is_new else session)

        await self.visit(look)
        return seen

    async def write(self, **values: Any) -> None:
        async def change(session: Session) -> None:
            session.update(values)

        await self.visit(change)


class Crowd:
    """Holds requests until all of them have read the session, so that they are certain to collide."""

    def __init__(self, size: int) -> None:
        self._missing = size
        self._complete = anyio.Event()

    async def wait(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._complete.set()
        await self._complete.wait()


class RequestPromises(Kit):
    async def test_parallel_writers_of_different_keys_all_survive(self, stores: list[Store]) -> None:
        """CONC-1: twenty requests that write twenty keys at once leave twenty keys."""
        first = Visitor(stores[0])
        await first.write(before=True)
        crowd = Crowd(REQUESTS)

        async def write(n: int) -> None:
            async def handler(session: Session) -> None:
                assert session["before"]
                await crowd.wait()
                session[f"key {n}"] = n

            await Visitor(stores[n % 2], first.cookie).visit(handler)

        await all_at_once(*[partial(write, n) for n in range(REQUESTS)])
        assert await first.read() == {"before": True, **{f"key {n}": n for n in range(REQUESTS)}}

    async def test_parallel_increments_are_exact(self, stores: list[Store]) -> None:
        """CONC-2: twenty requests that increment, and append, at once add twenty."""
        first = Visitor(stores[0])
        await first.write(count=0)
        crowd = Crowd(REQUESTS)

        async def write(n: int) -> None:
            async def handler(session: Session) -> None:
                assert session["count"] == 0
                await crowd.wait()
                session.increment("count")
                session.update("list", lambda numbers: [*(numbers or []), n])

            await Visitor(stores[n % 2], first.cookie).visit(handler)

        await all_at_once(*[partial(write, n) for n in range(REQUESTS)])
        seen = await first.read()
        assert seen["count"] == REQUESTS
        assert sorted(seen["list"]) == list(range(REQUESTS))

    async def test_a_slower_request_does_not_undo_a_logout(self, stores: list[Store]) -> None:
        """OUT-2: a request that began before the logout and writes after it brings nothing back."""
        browser = Visitor(stores[0])
        await browser.write(user="ann")
        slow, stolen = Visitor(stores[1], browser.cookie), Visitor(stores[1], browser.cookie)

        async def slow_write(session: Session) -> None:
            assert session["user"] == "ann"

            async def logout(session: Session) -> None:
                session.destroy()

            await browser.visit(logout)
            session["late"] = True

        await slow.visit(slow_write)
        assert browser.cookie is None
        assert await slow.read() == await stolen.read() == {}

    async def test_a_slower_request_does_not_undo_a_rotation(self, stores: list[Store]) -> None:
        """ROT-1, ROT-2, ROT-5: data moves to the new id; a request under way with the old id revives nothing,
        and what it writes is in the new session."""
        browser = Visitor(stores[0])
        await browser.write(user="ann")
        old = browser.cookie
        slow = Visitor(stores[1], old)

        async def slow_write(session: Session) -> None:
            assert session["user"] == "ann"

            async def rotate(session: Session) -> None:
                session.rotate()

            await browser.visit(rotate)
            session["late"] = True

        await slow.visit(slow_write)
        assert browser.cookie not in (None, old)
        assert slow.cookie == old
        assert await browser.read() == {"user": "ann", "late": True}
        assert await slow.read() == {}
