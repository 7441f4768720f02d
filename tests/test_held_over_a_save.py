"""SAVE-3: what a handler holds over `await session.save()`, while another request changes the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, Watched, answer, own, site

from sessions import LateChange, Session, Store

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SAVE-3: nothing is dropped silently")]

START: dict[str, Any] = {
    "list": [1],
    "nested": {"list": [1], "other": {"list": [1]}},
    "deep": [[1], [2], [3]],
    "kind": [1],
    "gone": [1],
    "number": {"list": [1]},
    "pair": [[1], "x"],
    "long": [[1], [2], [3], [4]],
}


async def begin(request: Request) -> Response:
    request.session.update(START)
    return answer()


async def change_elsewhere(request: Request) -> Response:
    """Each of the values, in another way."""
    session = own(request)
    session["list"].append("elsewhere")
    session["nested"]["other"]["list"].append("elsewhere")
    session["nested"]["added"] = True
    session["deep"][1].append("elsewhere")
    session["kind"] = {"another": "kind"}
    session.forget("gone")
    session["number"]["list"] = 7
    session["pair"][0].append("elsewhere")
    session["long"] = [[1]]
    session["new"] = ["elsewhere"]
    return answer()


Hold = Callable[[Session], Any]

KEPT: dict[str, tuple[Hold, Any]] = {
    "a list": (lambda session: session["list"], [1, "elsewhere", "late"]),
    "a list in a dict": (lambda session: session["nested"]["list"], [1, "late"]),
    "a list deeper": (lambda session: session["nested"]["other"]["list"], [1, "elsewhere", "late"]),
    "a list in a list": (lambda session: session["deep"][1], [2, "elsewhere", "late"]),
    "a list in a list that nobody changed": (lambda session: session["deep"][2], [3, "late"]),
    "the list of lists": (lambda session: session["deep"], [[1], [2, "elsewhere"], [3], "late"]),
    "a list of a pair": (lambda session: session["pair"][0], [1, "elsewhere", "late"]),
    "what is left of a list": (lambda session: session["long"][0], [1, "late"]),
}

CUT_OFF: dict[str, Hold] = {
    "a value of another kind": lambda session: session["kind"],
    "a removed key": lambda session: session["gone"],
    "a list that became a number": lambda session: session["number"]["list"],
    "what was cut off a list": lambda session: session["long"][2],
}


def holding(hold: Hold, seen: list[Any], *, second_save: bool, change: bool = True) -> Any:
    """A handler that holds a value over a save which meets another request's changes."""

    async def act(request: Request) -> Response:
        session = own(request)
        held = hold(session)
        session["mine"] = "1"
        await request.app.state.browser.get("/change_elsewhere")
        await session.save()
        seen.append(held)
        if change:
            held.append("late")
        if second_save:
            await session.save()
        return answer()

    return act


async def held_over(
    store: Store, hold: Hold, *, second_save: bool, change: bool = True
) -> tuple[Browser, Any]:
    seen: list[Any] = []
    act = holding(hold, seen, second_save=second_save, change=change)
    app = site(begin, change_elsewhere, act, store=store)
    browser = app.state.browser = Browser(app)
    await browser.get("/begin")
    return browser, await browser.get("/act")


@pytest.mark.parametrize("second_save", [False, True], ids=["at the response", "by save()"])
@pytest.mark.parametrize("name", KEPT)
async def test_what_is_appended_afterwards_is_saved(store: Store, name: str, second_save: bool) -> None:
    hold, expected = KEPT[name]
    browser, reply = await held_over(store, hold, second_save=second_save)
    assert (reply.status, reply.error) == (200, None)
    kept = (await browser.get("/read")).json()
    assert hold(kept) == expected
    # And with it what the other request has changed, and what this one has set before.
    assert kept["mine"] == "1"
    assert kept["kind"] == {"another": "kind"}
    assert kept["new"] == ["elsewhere"]
    assert "gone" not in kept


@pytest.mark.parametrize("second_save", [False, True], ids=["at the response", "by save()"])
@pytest.mark.parametrize("name", CUT_OFF)
async def test_or_it_raises_where_the_value_is_in_the_session_no_more(
    store: Store, name: str, second_save: bool
) -> None:
    browser, reply = await held_over(store, CUT_OFF[name], second_save=second_save)
    assert reply.status == 500
    assert isinstance(reply.error, LateChange)
    assert "read it from the session again" in str(reply.error)
    kept = (await browser.get("/read")).json()
    assert kept["mine"] == "1"  # what was saved before stays


@pytest.mark.parametrize("name", CUT_OFF)
async def test_who_holds_such_a_value_and_leaves_it_alone_hears_nothing(store: Store, name: str) -> None:
    browser, reply = await held_over(store, CUT_OFF[name], second_save=True, change=False)
    assert (reply.status, reply.error) == (200, None)
    assert (await browser.get("/read")).json()["mine"] == "1"


async def test_the_handler_sees_what_the_other_request_saved_in_the_value_that_it_holds(store: Store) -> None:
    seen: list[Any] = []
    act = holding(lambda session: session["deep"], seen, second_save=False, change=False)
    app = site(begin, change_elsewhere, act, store=store)
    browser = app.state.browser = Browser(app)
    await browser.get("/begin")
    await browser.get("/act")
    assert seen == [[[1], [2, "elsewhere"], [3]]]


async def test_a_value_that_both_changed_is_the_one_that_was_saved_last(store: Store) -> None:
    async def act(request: Request) -> Response:
        session = own(request)
        held = session["list"]
        held.append("before")
        await browser.get("/change_elsewhere")
        await session.save()
        held.append("after")
        await session.save()
        held.append("last")
        return answer()

    browser = Browser(site(begin, change_elsewhere, act, store=store))
    await browser.get("/begin")
    assert (await browser.get("/act")).status == 200
    assert (await browser.get("/read")).json()["list"] == [1, "before", "after", "last"]


async def test_over_several_saves_with_another_change_before_each(store: Store) -> None:
    async def add(request: Request) -> Response:
        own(request).update("list", lambda values: [*values, "elsewhere"])
        return answer()

    async def act(request: Request) -> Response:
        session = own(request)
        held = session["list"]
        for number in range(4):
            session["mine"] = number
            await browser.get("/add")
            await session.save()
            held.append(number)
            await session.save()
        return answer()

    browser = Browser(site(begin, add, act, store=store))
    await browser.get("/begin")
    assert (await browser.get("/act")).status == 200
    expected = [1, *[each for number in range(4) for each in ("elsewhere", number)]]
    assert (await browser.get("/read")).json()["list"] == expected


async def test_over_a_refresh_too(store: Store) -> None:
    async def act(request: Request) -> Response:
        session = own(request)
        held, cut = session["nested"]["other"]["list"], session["kind"]
        await browser.get("/change_elsewhere")
        await session.refresh()
        assert session["new"] == ["elsewhere"]
        held.append("late")
        await session.save()
        cut.append("late")
        with pytest.raises(LateChange):
            await session.save()
        cut.remove("late")
        await session.save()
        return answer()

    browser = Browser(site(begin, change_elsewhere, act, store=store))
    await browser.get("/begin")
    assert (await browser.get("/act")).error is None
    kept = (await browser.get("/read")).json()
    assert kept["nested"]["other"]["list"] == [1, "elsewhere", "late"]


async def test_a_value_that_a_function_made_is_alive_over_a_save(store: Store) -> None:
    """Also if the function had to run again on what another request made of the value."""

    async def add(request: Request) -> Response:
        own(request).update("list", lambda values: [*values, "elsewhere"])
        return answer()

    async def act(request: Request) -> Response:
        session = own(request)
        made = session.update("list", lambda values: [*values, "mine"])
        await browser.get("/add")
        await session.save()
        made.append("late")
        try:
            await session.save()
        except LateChange:
            return answer("told")
        return answer("kept")

    browser = Browser(site(begin, add, act, store=store))
    await browser.get("/begin")
    outcome = (await browser.get("/act")).json()
    kept = (await browser.get("/read")).json()["list"]
    assert kept == [1, "elsewhere", "mine", *(["late"] if outcome == "kept" else [])]


async def test_a_new_key_of_each_request_is_no_change_after_the_response(store: Store) -> None:
    """The keys are then in another order here than in the store, with a value that can change in place."""
    watched = Watched(store)

    async def act(request: Request) -> Response:
        request.session["mine"] = "1"
        await browser.get("/write?theirs=1")
        if "save" in request.query_params:
            await own(request).save()
            writes = watched.writes
            await own(request).save()
            assert watched.writes == writes
        return answer()

    for url in ("/act", "/act?save"):
        browser = Browser(site(begin, act, store=watched))
        await browser.get("/begin")
        reply = await browser.get(url)
        assert (reply.status, reply.error) == (200, None)
        kept = (await browser.get("/read")).json()
        assert kept == {**START, "mine": "1", "theirs": "1"}
