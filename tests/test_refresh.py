"""`await session.refresh()`: what other requests have done comes in, and none of it is undone later."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import Browser, answer, own, site

from sessions import Store

pytestmark = [pytest.mark.anyio, pytest.mark.promise("CONC-1")]


@pytest.mark.parametrize("read_before", [True, False])
async def test_it_brings_in_what_another_request_has_saved(store: Store, read_before: bool) -> None:
    async def slow(request: Request) -> Response:
        session = own(request)
        before = dict(session) if read_before else None
        await browser.get("/write", a="2", b="1")
        await session.refresh()
        return answer([before, dict(session), session.modified])

    browser = Browser(site(slow, store=store))
    await browser.get("/write", a="1")
    expected: list[Any] = [{"a": "1"} if read_before else None, {"a": "2", "b": "1"}, False]
    assert (await browser.get("/slow")).json() == expected


async def test_a_change_after_it_undoes_nothing(store: Store) -> None:
    async def slow(request: Request) -> Response:
        session = own(request)
        await browser.get("/write", a="2")
        await session.refresh()
        session["c"] = "1"
        return answer()

    browser = Browser(site(slow, store=store))
    await browser.get("/write", a="1")
    await browser.get("/slow")
    assert (await browser.get("/read")).json() == {"a": "2", "c": "1"}


async def test_a_change_before_it_stays_to_be_saved(store: Store) -> None:
    async def slow(request: Request) -> Response:
        session = own(request)
        session["c"] = "1"
        await browser.get("/write", a="2", c="3")
        await session.refresh()
        return answer([dict(session), (await browser.get("/read")).json()])

    browser = Browser(site(slow, store=store))
    await browser.get("/write", a="1")
    assert (await browser.get("/slow")).json() == [{"a": "2", "c": "1"}, {"a": "2", "c": "3"}]
    assert (await browser.get("/read")).json() == {"a": "2", "c": "1"}
