"""Django's sessions as called from an async app: by their own async methods, a cookie by hand.

Django's own middleware is not measured. In an async stack it adds two hops to a thread to this.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request

from bench.apps import SESSION, Asgi, app
from bench.settings import KEY, TWO_WEEKS

_NAME = b"sessionid="


def database(path: str) -> Asgi:
    _configure(path, None)
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415 (needs the settings)
    from django.db import connection  # noqa: PLC0415

    def make_table() -> None:
        with connection.schema_editor() as editor:
            editor.create_model(SessionStore.get_model_class())
        connection.close()

    with ThreadPoolExecutor(1) as thread:  # Django refuses it where an event loop runs
        thread.submit(make_table).result()
    return _with_session(SessionStore)


def cache(url: str) -> Asgi:
    _configure(":memory:", url)
    from django.contrib.sessions.backends.cache import SessionStore  # noqa: PLC0415

    return _with_session(SessionStore)


def _configure(path: str, redis_url: str | None) -> None:
    import django  # noqa: PLC0415
    from django.conf import settings  # noqa: PLC0415

    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {"init_command": pragmas, "transaction_mode": "IMMEDIATE"},
    }
    cache = "redis.RedisCache" if redis_url else "dummy.DummyCache"
    settings.configure(
        SECRET_KEY=KEY,
        SESSION_COOKIE_AGE=TWO_WEEKS,
        INSTALLED_APPS=["django.contrib.sessions"],
        DATABASES={"default": database},
        CACHES={"default": {"BACKEND": f"django.core.cache.backends.{cache}", "LOCATION": redis_url or ""}},
    )
    django.setup()


def _with_session(store: Any) -> Asgi:
    async def read(request: Request) -> object:
        return await request.scope["django"].aget("user")

    async def write(request: Request) -> object:
        session = request.scope["django"]
        await session.aset("counter", await session.aget("counter", 0) + 1)
        return True

    async def fill(request: Request) -> object:
        await request.scope["django"].aupdate(SESSION)
        return True

    inner = app(read, write, fill)

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        cookies = [value for name, value in scope["headers"] if name == b"cookie"]
        session = scope["django"] = store(cookies[0].removeprefix(_NAME).decode() if cookies else None)

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start" and session.modified:
                await session.asave()
                cookie = _NAME + f"{session.session_key}; Max-Age={TWO_WEEKS}; Path=/; HttpOnly".encode()
                headers = [*message["headers"], (b"set-cookie", cookie), (b"vary", b"Cookie")]
                message = {**message, "headers": headers}
            await send(message)

        await inner(scope, receive, sending)

    return served
