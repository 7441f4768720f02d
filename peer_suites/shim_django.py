"""Our session in the shape of Django's `SessionBase`: Django's names, our session's own methods.

Django's object outlives requests, ours is made by the middleware for one. Here a request is made when the
session is first needed, and never answered. With Django `accessed` and `modified` can be set back. Ours are
facts of a request: where they are set back, the next request begins. Each method comes twice: for synchronous
callers, and with an `a` before its name for the others.
"""
# Django is installed for the peers' tests alone.
# pyright: reportMissingImports=false

from __future__ import annotations

from functools import partial
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.base import UpdateError

from peer_suites.shim_session import open_session
from sessions import SessionEnded, Store

MAPPING: Final = frozenset({"get", "pop", "setdefault", "update", "keys", "values", "items", "clear"})
"""The methods that our session has under the same names."""


class SessionShim:
    """`SessionBase(session_key)` on one of our server-side stores."""

    def __init__(self, store: Store, session_key: str | None = None) -> None:
        self._store = store
        self._session_key = session_key
        """What the browser sends."""
        self._opened: Any = None
        """Our session, once the request has been opened."""
        self._set_back = False
        """Whether the next request is due: with the same data, and nobody has looked at it yet."""

    async def _open(self) -> Any:
        """Our session of the present request."""
        if self._set_back:
            self._set_back = False
            await self._opened.save()
            self._session_key = self._opened.id
            self._opened = None
        if self._opened is None:
            self._opened = await open_session(self._store, self._session_key)
        return self._opened

    # -- facts ---------------------------------------------------------------------------------------

    @property
    def session_key(self) -> str | None:
        return self._opened.id if self._opened is not None else None

    @property
    def accessed(self) -> bool:
        return self._fact("accessed")

    @accessed.setter
    def accessed(self, value: bool) -> None:
        self._set_fact(value)

    @property
    def modified(self) -> bool:
        return self._fact("modified")

    @modified.setter
    def modified(self, value: bool) -> None:
        self._set_fact(value)

    def _fact(self, name: str) -> bool:
        return self._opened is not None and not self._set_back and getattr(self._opened, name)

    def _set_fact(self, value: bool) -> None:
        if value:
            raise NotImplementedError("only a look makes a session accessed, and only a change modified")
        self._set_back = self._opened is not None

    # -- data ----------------------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        return async_to_sync(self._open)()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        async_to_sync(self._open)()[key] = value

    def __contains__(self, key: str) -> bool:
        return key in async_to_sync(self._open)()

    async def aset(self, key: str, value: Any) -> None:
        (await self._open())[key] = value

    async def ahas_key(self, key: str) -> bool:
        return key in await self._open()

    def __getattr__(self, name: str) -> Any:
        """The synchronous half of what is written here once, and both halves of what is our session's own.

        Raises `AttributeError` for what ours cannot do, such as an expiry for one session.
        """
        asynchronous = getattr(type(self), f"a{name}", None)
        if asynchronous is not None:
            return async_to_sync(partial(asynchronous, self))
        if name in MAPPING:
            return getattr(async_to_sync(self._open)(), name)
        if name.startswith("a") and name[1:] in MAPPING:
            return partial(self._call, name[1:])
        raise AttributeError(f"our session has no {name}")

    async def _call(self, name: str, *args: Any, **options: Any) -> Any:
        return getattr(await self._open(), name)(*args, **options)

    # -- its life ------------------------------------------------------------------------------------

    async def aload(self) -> dict[str, Any]:
        self._opened = None
        return dict(await self._open())

    async def asave(self, must_create: bool = False) -> None:
        try:
            await (await self._open()).save()
        except SessionEnded as fault:
            raise UpdateError from fault
        self._session_key = self.session_key

    async def aexists(self, session_key: str | None) -> bool:
        return session_key is not None and not (await open_session(self._store, session_key)).is_new

    async def adelete(self, session_key: str | None = None) -> None:
        session = await open_session(self._store, session_key or self._session_key)
        session.destroy()
        await session.save()

    async def aflush(self) -> None:
        (await self._open()).destroy()
        await self.asave()

    async def acycle_key(self) -> None:
        (await self._open()).rotate()
        await self.asave()
