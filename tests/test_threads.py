"""CONC-6: threads and tasks of one request share its session, and none of their changes is lost."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from fastapi import FastAPI
from interleaving import Intruder
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, answer, own, site

from sessions import Session, SessionMiddleware, Store, get_session

pytestmark = [pytest.mark.anyio, pytest.mark.promise("CONC-6")]

LIMIT = 60
"""Seconds after which a test that does not end is a failure."""

START: dict[str, Any] = {"n": 1, "cart": [1], "old": "1", "same": "1", "gone": "1", "list": [], "nested": {}}


async def begin(request: Request) -> Response:
    request.session.update(START)
    own(request).flash("message", "hello")
    own(request).flash("second", "hello")
    return answer()


async def meanwhile(request: Request) -> Response:
    """What another request of the browser does."""
    session = own(request)
    session.increment("n")
    session.increment("new")
    session["elsewhere"] = "1"
    session["nested"]["elsewhere"] = "1"
    session.forget("list")
    return answer()


async def everything(request: Request) -> Response:
    session = own(request)
    return answer([dict(session), sorted(key for key in session if session.is_flash(key))])


# -- two threads, step by step -----------------------------------------------------------------------


def plain_here(session: Session) -> None:
    session["here"] = 1
    session["old"] = "2"
    session.flash("flash here", 1)
    session.get("message")


def plain_there(session: Session) -> None:
    session["there"] = [1]
    session["same"] = "1"
    del session["gone"]
    session["cart"].append(2)
    session.flash("flash there", 1)
    session.get("second")


def functions(session: Session) -> None:
    session.increment("n")
    session.increment("new")
    session.update("listed", lambda values: [*(values or []), "one"])


Change = Callable[[Session], None]

HERE: dict[Change, dict[str, Any]] = {
    plain_here: {"here": 1, "old": "2", "flash here": 1, "message": None},
    plain_there: {
        "there": [1], "gone": None, "cart": [1, 2], "flash there": 1, "second": None,
    },
    functions: {"n": 1, "new": 1, "listed": ["one"]},
}  # fmt: skip
"""What each of them does to the session. None is a key that is gone; functions add to what is there."""

FLASHES = {"flash here", "flash there", "message", "second"}


def expected(changes: list[Change], conflict: bool) -> list[Any]:
    data: dict[str, Any] = {**START, "message": "hello", "second": "hello"}
    if conflict:
        data |= {"n": 2, "new": 1, "elsewhere": "1", "nested": {"elsewhere": "1"}}
        del data["list"]
    for change in changes:
        for key, value in HERE[change].items():
            if value is None:
                del data[key]
            elif change is functions:
                data[key] = data.get(key, [] if isinstance(value, list) else 0) + value
            else:
                data[key] = value
    return [data, sorted(FLASHES & data.keys())]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("conflict", [False, True], ids=["alone", "beside another request"])
@pytest.mark.parametrize("there", [plain_there, functions])
@pytest.mark.parametrize("here", [plain_here, functions, None], ids=["plain_here", "functions", "save"])
async def test_wherever_the_other_thread_comes_in(
    here: Change | None,
    there: Change,
    conflict: bool,
    anyio_backend: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step, came = 0, True

    async def act(request: Request) -> Response:
        nonlocal came
        session = own(request)
        session.get("old")
        if here is None:
            plain_here(session)
            session.increment("n")
        if conflict:
            await browser.get("/meanwhile")
        intruder = Intruder(step, lambda: there(session))
        with intruder.inside(monkeypatch):
            if here is None:
                await session.save()
            else:
                here(session)
        came = intruder.came
        if not came:
            there(session)
        return answer()

    app = site(begin, meanwhile, everything, act)
    outcome = expected([here or plain_here, there], conflict)
    if here is None:
        outcome[0]["n"] += 1
    while came:
        browser = Browser(app)
        await browser.get("/begin")
        reply = await browser.get("/act")
        assert (reply.error, reply.status) == (None, 200), step
        assert (await browser.get("/everything")).json() == outcome, step
        step += 1
    assert step > 100


# -- many threads ------------------------------------------------------------------------------------

THREADS, TIMES = 8, 25


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that give way as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


async def in_threads(*works: Callable[[], Any]) -> None:
    """All at once, each in a thread of its own."""
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            limiter = anyio.CapacityLimiter(len(works))
            for work in works:
                tasks.start_soon(partial(anyio.to_thread.run_sync, work, limiter=limiter))


def counted(number: int, time: int) -> Callable[[Any], Any]:
    return lambda counts: {**(counts or {}), str(number): time}


def change_often(session: Session, number: int) -> None:
    """Sets keys of its own, and counts in those of all."""
    for time in range(TIMES):
        session[f"own {number}"] = time
        session[f"own {number} {time}"] = [time]
        session.increment("n")
        session.update("counts", counted(number, time))
        session.setdefault(f"list {number}", []).append(time)
        session.flash(f"flash {number}", time)
        session[f"gone {number}"] = time
        del session[f"gone {number}"]


def check_that_all_is_there(data: dict[str, Any], flashes: list[str]) -> None:
    assert data["n"] == START["n"] + THREADS * TIMES
    assert data["counts"] == {str(number): TIMES - 1 for number in range(THREADS)}
    assert flashes == sorted(["message", "second", *(f"flash {number}" for number in range(THREADS))])
    for number in range(THREADS):
        assert data[f"own {number}"] == data[f"flash {number}"] == TIMES - 1
        assert data[f"list {number}"] == [*range(TIMES)]
        assert [data[f"own {number} {time}"] for time in range(TIMES)] == [[time] for time in range(TIMES)]
        assert f"gone {number}" not in data


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("saves", ["at the response", "meanwhile", "meanwhile, beside other requests"])
async def test_what_many_threads_change_is_all_there(store: Store, saves: str) -> None:
    done = 0

    async def save_until_all_are_done(session: Session) -> None:
        others = 0
        while done < THREADS:
            if saves.endswith("other requests"):
                others += 1
                await browser.get(f"/write?other{others}=1")
            await session.save()
            await anyio.lowlevel.checkpoint()

    async def act(request: Request) -> Response:
        session = own(request)

        def work(number: int) -> None:
            nonlocal done
            try:
                change_often(session, number)
            finally:
                done += 1

        with anyio.fail_after(LIMIT):
            async with anyio.create_task_group() as tasks:
                if saves != "at the response":
                    tasks.start_soon(save_until_all_are_done, session)
                await in_threads(*[partial(work, number) for number in range(THREADS)])
        return answer()

    browser = Browser(site(begin, everything, act, store=store))
    await browser.get("/begin")
    reply = await browser.get("/act")
    assert (reply.error, reply.status) == (None, 200)
    check_that_all_is_there(*(await browser.get("/everything")).json())


@pytest.mark.usefixtures("hasty")
async def test_threads_that_save_by_themselves(store: Store) -> None:
    """By `anyio.from_thread`, as a synchronous endpoint does."""

    async def act(request: Request) -> Response:
        session = own(request)

        def work(number: int) -> None:
            for time in range(5):
                session.increment("n")
                session[f"own {number}"] = time
                anyio.from_thread.run(session.save)

        await in_threads(*[partial(work, number) for number in range(THREADS)])
        return answer()

    async def others() -> None:
        for _ in range(5):
            await browser.get("/increment")

    browser = Browser(site(begin, everything, act, store=store))
    await browser.get("/begin")
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(browser.get, "/act")
            tasks.start_soon(others)
    data, _ = (await browser.get("/everything")).json()
    assert data["n"] == START["n"] + 5 * THREADS + 5
    assert [data[f"own {number}"] for number in range(THREADS)] == [4] * THREADS


async def test_tasks_that_change_and_save(store: Store) -> None:
    async def act(request: Request) -> Response:
        session = own(request)

        async def work(number: int) -> None:
            for time in range(5):
                session.increment("n")
                session[f"own {number}"] = time
                session["cart"].append(number)
                await session.save()
                await browser.get("/increment")

        with anyio.fail_after(LIMIT):
            async with anyio.create_task_group() as tasks:
                for number in range(THREADS):
                    tasks.start_soon(work, number)
        return answer()

    browser = Browser(site(begin, everything, act, store=store))
    await browser.get("/begin")
    assert (await browser.get("/act")).error is None
    data, _ = (await browser.get("/everything")).json()
    assert data["n"] == START["n"] + 2 * 5 * THREADS
    assert sorted(data["cart"]) == sorted([1, *[*range(THREADS)] * 5])
    assert [data[f"own {number}"] for number in range(THREADS)] == [4] * THREADS


@pytest.mark.usefixtures("hasty")
async def test_synchronous_endpoints_of_fastapi_beside_each_other(store: Store) -> None:
    """Each request in a thread of its own, all of one browser."""
    app = FastAPI()
    app.add_middleware(SessionMiddleware, store=store)

    @app.get("/count/{number}")
    def count(request: Request, number: int) -> None:
        session = get_session(request)
        session.increment("n")
        session[f"own {number}"] = number

    @app.get("/read")
    def read(request: Request) -> dict[str, Any]:
        return get_session(request)

    browser = Browser(app)
    await browser.get("/count/0")
    with anyio.fail_after(LIMIT):
        async with anyio.create_task_group() as tasks:
            for number in range(1, 20):
                tasks.start_soon(browser.get, f"/count/{number}")
    assert (await browser.get("/read")).json() == {
        "n": 20,
        **{f"own {number}": number for number in range(20)},
    }
