"""The recipes of "docs/frameworks.md" work, and what its table says is so."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import AsyncClient, Client
from django.utils.functional import empty
from framework_apps import FILES, MORE, PAGE
from framework_pages.after import Tasks
from support import Browser

from sessions import LateChange

pytestmark = [pytest.mark.anyio, pytest.mark.promise("OBJ-1: with each framework")]

WITHOUT_SOCKETS = {"on_django"}
WITHOUT_TASKS = {"on_django"}


@pytest.fixture
def anyio_backend() -> str:
    """Quart and Django run on asyncio alone."""
    return "asyncio"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frameworks")
    for name, text in FILES.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="session")
def apps(folder: Path) -> Iterator[dict[str, Any]]:
    """Module name → its app with more pages."""
    others = settings._wrapped  # another test's Django: it has one set of settings in a process
    setattr(settings, "_wrapped", empty)  # noqa: B010 (no type of its own knows that it can be empty)
    sys.path.append(str(folder))
    found = {}
    for name, add_pages in MORE.items():
        found[name] = import_module(name).app
        add_pages(found[name])
    found["django settings"] = settings._wrapped
    if others is not empty:
        setattr(settings, "_wrapped", others)  # noqa: B010
    yield found
    sys.path.remove(str(folder))


@pytest.fixture(params=MORE)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visitor(name: str, apps: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Browser:
    monkeypatch.setattr(settings, "_wrapped", apps["django settings"])
    return Browser(apps[name])


async def talk(visitor: Browser, path: str) -> Any:
    """What a websocket of the visitor's sends first."""
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.pairs(path))
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"app.example"), (b"cookie", cookies.encode())],
        "subprotocols": [],
        "server": ("app.example", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
        "extensions": {},
    }
    sent: list[Any] = []
    closed = anyio.Event()
    connected = False

    async def receive() -> Any:
        nonlocal connected
        if not connected:
            connected = True
            return {"type": "websocket.connect"}
        await closed.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] in ("websocket.send", "websocket.close"):
            closed.set()

    with anyio.fail_after(10):
        await visitor.app(scope, receive, send)
    (first, *_) = [message for message in sent if message["type"] == "websocket.send"]
    return json.loads(first.get("text") or first["bytes"])


def tells_of_late_change(error: BaseException | None) -> bool:
    """Litestar puts it into a group, and raises an error of its own because of that."""
    if isinstance(error, BaseExceptionGroup):
        return any(tells_of_late_change(each) for each in error.exceptions)
    return isinstance(error, LateChange) or (error is not None and tells_of_late_change(error.__cause__))


async def test_handlers_with_and_without_async_share_a_session(visitor: Browser) -> None:
    pages = ("/count", "/sync", "/sync", "/count")
    assert [(await visitor.get(page)).json() for page in pages] == [1, 2, 3, 4]
    assert (await visitor.get("/read")).json() == {"visits": 4}
    assert (await Browser(visitor.app).get("/count")).json() == 1


async def test_a_response_varies_if_its_handler_has_looked(visitor: Browser) -> None:
    await visitor.get("/count")
    assert (await visitor.get("/read")).header("vary") == "Cookie"
    reply = await visitor.get("/untouched")
    assert (reply.header("vary"), reply.set_cookies) == (None, [])


async def test_a_logout(visitor: Browser) -> None:
    await visitor.get("/count")
    thief = visitor.copy()
    assert (await visitor.get("/leave")).text.strip('"') == "bye"
    assert visitor.cookie() is None
    assert (await thief.get("/read")).json() == {}


@pytest.mark.promise("SAVE-6")
async def test_an_error_keeps_nothing(visitor: Browser) -> None:
    await visitor.get("/count")
    assert (await visitor.get("/lose")).status == 500
    assert (await visitor.get("/read")).json() == {"visits": 1}


@pytest.mark.promise("SAVE-3")
async def test_a_stream_saves(visitor: Browser) -> None:
    await visitor.get("/count")
    assert (await visitor.get("/stream")).text == "12"
    assert (await visitor.get("/read")).json() == {"visits": 1, "stream": 1}


@pytest.mark.promise("SAVE-3")
async def test_a_stream_that_does_not_save_is_told(
    visitor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    await visitor.get("/count")
    with caplog.at_level(logging.ERROR):
        reply = await visitor.get("/late")
    errors = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert any(tells_of_late_change(error) for error in [reply.error, *errors])
    assert (await visitor.get("/read")).json() == {"visits": 1}


@pytest.mark.promise("SAVE-3")
@pytest.mark.parametrize("name", sorted(set(MORE) - WITHOUT_TASKS), indirect=True)
async def test_a_task_after_the_response_saves(visitor: Browser) -> None:
    await visitor.get("/count")
    Tasks.done = anyio.Event()
    assert (await visitor.get("/task")).status == 200
    with anyio.fail_after(10):
        await Tasks.done.wait()
    assert (await visitor.get("/read")).json() == {"visits": 1, "task": 1}


@pytest.mark.promise("SAVE-4")
@pytest.mark.parametrize("name", sorted(set(MORE) - WITHOUT_SOCKETS), indirect=True)
async def test_a_websocket_has_the_session_of_its_handshake(visitor: Browser) -> None:
    await visitor.get("/count")
    assert await talk(visitor, "/socket") == {"visits": 2}
    assert (await visitor.get("/read")).json() == {"visits": 2}


@pytest.mark.parametrize("name", ["on_django"], indirect=True)
async def test_djangos_clients_for_tests_have_no_session_of_ours(visitor: Browser) -> None:
    """As the page says: they call no ASGI app."""
    assert visitor
    with pytest.raises(LookupError, match="no SessionMiddleware"):
        await AsyncClient().get("/read")
    with pytest.raises(AttributeError, match="scope"):
        await sync_to_async(Client().get)("/read")


@pytest.mark.promise("OBJ-6: beside the framework's own session", "OBJ-8")
@pytest.mark.parametrize(
    ("name", "cookie"), [("on_quart", "quart_session"), ("on_django", "sessionid")], indirect=["name"]
)
async def test_the_frameworks_own_session_stays_its_own(
    visitor: Browser, cookie: str, caplog: pytest.LogCaptureFixture
) -> None:
    await visitor.get("/count")
    assert (await visitor.get("/own")).json() == []
    assert (await visitor.get("/own")).json() == ["hello"]
    assert set(visitor.sent("/")) == {"session", cookie}
    assert (await visitor.get("/read")).json() == {"visits": 1}
    await visitor.get("/leave")
    assert (await visitor.get("/own")).json() == ["hello"]
    assert set(visitor.sent("/")) == {cookie}
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.promise("OBJ-8")
@pytest.mark.parametrize("name", ["on_quart"], indirect=True)
async def test_quart_with_our_cookies_name_is_one_line_in_the_log(
    visitor: Browser, apps: dict[str, Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(apps["on_quart"].config, "SESSION_COOKIE_NAME", "session")
    await visitor.get("/count")
    for _ in range(2):
        await visitor.get("/own")
    (error,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert "session_cookie_name=" in error


@pytest.mark.promise("OUT-1: in admins", "SEC-3: in admins")
@pytest.mark.parametrize("base", ["/sqladmin", "/starlette-admin"])
async def test_both_admins_have_their_logins_in_our_session(
    apps: Any, base: str, caplog: pytest.LogCaptureFixture
) -> None:
    transport = httpx2.ASGITransport(import_module("admins").app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://app.example") as client:

        async def post(page: str, **form: str) -> int:
            token = client.cookies.get("starlette_admin_csrftoken") or ""
            answer = await client.post(base + page, data={**form, "csrftoken": token.strip('"')})
            return answer.status_code

        assert (await client.get(f"{base}/")).is_redirect
        await client.get(f"{base}/login")
        assert await post("/login", username="ada", password="wrong") >= 400
        assert await post("/login", username="ada", password="correct") < 400
        assert (await client.get(f"{base}/")).status_code == 200
        former = client.cookies["session"]
        await post("/logout") if base == "/starlette-admin" else await client.get(f"{base}/logout")
        assert "session" not in client.cookies
        client.cookies.set("session", former)
        assert (await client.get(f"{base}/")).is_redirect
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


# -- the page ----------------------------------------------------------------------------------------

ELSEWHERE = {"on_fasthtml"}
"""Which test_fasthtml.py tests."""


def test_each_recipe_is_tested() -> None:
    assert PAGE.count("```python") == len(FILES)
    assert set(FILES) == {*MORE, *ELSEWHERE, "admins"}


def test_the_table_says_what_is_tested() -> None:
    table = PAGE.partition("\n## ")[0]
    rows = re.findall(r"^\| \[([^\]]+)\]\(#(\w+)\)[^|]*\|(.*)\|$", table, re.MULTILINE)
    assert {f"on_{anchor}" for _, anchor, _ in rows} == set(MORE) | ELSEWHERE
    for _, anchor, cells in rows:
        *_, sockets, _, tasks = [cell.strip() for cell in cells.split("|")]
        assert (sockets == "Django has none") == (f"on_{anchor}" in WITHOUT_SOCKETS)
        assert (tasks == "Django has none") == (f"on_{anchor}" in WITHOUT_TASKS)
