"""docs/frameworks.md: the recipe for FastHTML. `test_fasthtml.py` runs it in a process of its own."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from framework_apps import FILES
from support import Browser

from sessions import Session, SessionMiddleware

fasthtml: Any = importlib.import_module("fasthtml.common")

pytestmark = [pytest.mark.anyio, pytest.mark.promise("OBJ-1: with FastHTML")]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "on_fasthtml.py").write_text(FILES["on_fasthtml"], "utf-8")
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("on_fasthtml", tmp_path / "on_fasthtml.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module.app
    assert not (tmp_path / ".sesskey").exists()


@pytest.fixture
def visitor(app: Any) -> Browser:
    @app.get("/read")  # type: ignore[untyped-decorator]
    def read(session: Session) -> Any:
        return fasthtml.JSONResponse(dict(session))

    @app.get("/untyped")
    def untyped(session):  # type: ignore[no-untyped-def]
        return fasthtml.P(session.increment("visits"))

    return Browser(app)


async def test_handlers_with_and_without_async_share_a_session(visitor: Browser) -> None:
    for page in ("/count", "/sync", "/untyped", "/count"):
        assert (await visitor.get(page)).status == 200
    assert (await visitor.get("/read")).json() == {"visits": 4}
    assert set(visitor.sent("/")) == {"session"}
    await visitor.get("/leave")
    assert (await visitor.get("/read")).json() == {}


async def test_toasts_are_shown_once(app: Any, visitor: Browser) -> None:
    @app.get("/toast")  # type: ignore[untyped-decorator]
    def toast(session: Session) -> Any:
        fasthtml.add_toast(session, "saved", "info")
        return fasthtml.RedirectResponse("/page", 303)

    @app.get("/page")  # type: ignore[untyped-decorator]
    def page() -> Any:
        return fasthtml.Titled("A page")

    fasthtml.setup_toasts(app)
    await visitor.get("/toast")
    assert "saved" in (await visitor.get("/page")).text
    assert "saved" not in (await visitor.get("/page")).text


@pytest.mark.promise("SEC-3")
async def test_a_login_of_its_gets_a_new_id(app: Any, visitor: Browser) -> None:
    @app.get("/log_in")  # type: ignore[untyped-decorator]
    def log_in(session: Session) -> str:
        session["auth"] = "ada"  # as its OAuth does
        return "hello"

    await visitor.get("/count")
    before = visitor.cookie()
    await visitor.get("/log_in")
    assert visitor.cookie() not in (None, before)


@pytest.mark.promise("SAVE-3")
async def test_a_task_after_the_response_saves(app: Any, visitor: Browser) -> None:
    done = anyio.Event()

    async def task(session: Session) -> None:
        session["task"] = 1
        await session.save()
        done.set()

    @app.get("/task")  # type: ignore[untyped-decorator]
    def tasked(session: Session) -> Any:
        return fasthtml.P("x"), fasthtml.BackgroundTask(task, session)

    await visitor.get("/count")
    await visitor.get("/task")
    with anyio.fail_after(10):
        await done.wait()
    assert (await visitor.get("/read")).json() == {"visits": 1, "task": 1}


async def test_its_option_for_a_middleware_does_not_take_ours() -> None:
    app = fasthtml.FastHTML(sess_cls=SessionMiddleware, secret_key="x")
    reply = await Browser(app).get("/")
    assert isinstance(reply.error, TypeError)
