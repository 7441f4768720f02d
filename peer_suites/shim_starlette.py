"""Starlette's `SessionMiddleware(secret_key=…)` on ours: names are mapped, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final, Literal

from starlette.types import ASGIApp

from sessions import SessionMiddleware
from sessions.stores import Storage

FOURTEEN_DAYS: Final = 14 * 24 * 60 * 60
"""Seconds: Starlette's default."""


def on(make_store: Callable[[], Storage]) -> Callable[..., SessionMiddleware]:
    """What the tests take for Starlette's class; each middleware gets a store from `make_store`."""

    def session_middleware(
        app: ASGIApp,
        secret_key: str,
        session_cookie: str = "session",
        max_age: int | None = FOURTEEN_DAYS,
        path: str = "/",
        same_site: Literal["lax", "strict", "none"] = "lax",
        https_only: bool = False,
        domain: str | None = None,
        partitioned: bool = False,
    ) -> SessionMiddleware:
        return SessionMiddleware(
            app,
            make_store(),
            # Starlette takes keys of any length, ours 32 characters and more.
            encryption_key=sha256(secret_key.encode()).hexdigest(),
            expire_after=max_age,
            session_cookie_name=session_cookie,
            cookie_options={
                "path": path,
                "domain": domain,
                "same_site": same_site,
                "secure": https_only,
                "partitioned": partitioned,
            },
        )

    return session_middleware
