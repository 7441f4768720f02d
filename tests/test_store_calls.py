"""EXP-2 and EXP-8: how often a request asks its store, and for what."""

from __future__ import annotations

from typing import Any

import pytest
from support import KEY, Browser, Clock, Watched, site

from sessions import EncryptedStore

pytestmark = [pytest.mark.anyio, pytest.mark.promise("EXP-2", "EXP-8")]

OPTIONS: dict[str, dict[str, Any]] = {
    "idle timeout": {"expire_after": 3600},
    "both timeouts": {"expire_after": 3600, "absolute_timeout": 86_400},
    "absolute timeout": {"absolute_timeout": 86_400},
    "without timeouts": {},
    "shorter without an owner": {"expire_after": 7200, "anonymous_expire_after": 3600},
    "sealed ids": {"expire_after": 3600, "encryption_key": KEY},
    "many sessions": {"expire_after": 3600, "max_sessions": 3},
}


@pytest.fixture(params=OPTIONS)
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return OPTIONS[request.param]


@pytest.fixture(params=["plain", "encrypted"])
def kept_in(request: pytest.FixtureRequest) -> tuple[Watched, dict[str, Any]]:
    """A store whose calls are counted, and the option that puts it there."""
    watched = Watched()
    return watched, {"store": EncryptedStore(watched, KEY) if request.param == "encrypted" else watched}


async def settled(browser: Browser, clock: Clock) -> None:
    """With a session that has been extended a moment ago: a newborn one is extended after a second."""
    await browser.get("/write", a="1")
    clock.go(2)
    await browser.get("/read")


@pytest.mark.parametrize("url", ["/read", "/untouched", "/no-such-page"])
async def test_a_request_that_changes_nothing_asks_once(
    url: str, kept_in: tuple[Watched, dict[str, Any]], options: dict[str, Any], clock: Clock
) -> None:
    """As long as no extension is due: one look, no write, and no cookie."""
    watched, where = kept_in
    browser = Browser(site(**where, **options))
    await settled(browser, clock)
    for _ in range(10):
        clock.go(5)
        watched.calls.clear()
        response = await browser.get(url)
        assert watched.calls == {"load": 1}
        assert not response.set_cookies


async def test_a_request_that_writes_asks_twice(
    kept_in: tuple[Watched, dict[str, Any]], options: dict[str, Any], clock: Clock
) -> None:
    watched, where = kept_in
    browser = Browser(site(**where, **options))
    await settled(browser, clock)
    for number in range(10):
        clock.go(5)
        watched.calls.clear()
        response = await browser.get("/write", a=str(number + 2))
        assert watched.calls == {"load": 1, "replace": 1}
        assert not response.set_cookies


@pytest.mark.parametrize("url", ["/read", "/untouched"])
async def test_a_request_without_a_session_asks_nothing(
    url: str, kept_in: tuple[Watched, dict[str, Any]], options: dict[str, Any]
) -> None:
    watched, where = kept_in
    response = await Browser(site(**where, **options)).get(url)
    assert (watched.calls, response.set_cookies) == ({}, [])


async def test_an_excluded_path_asks_nothing(
    kept_in: tuple[Watched, dict[str, Any]], options: dict[str, Any], clock: Clock
) -> None:
    """Also when an extension is long due."""
    watched, where = kept_in
    browser = Browser(site(**where, **options, exclude=["/untouched"]))
    await settled(browser, clock)
    clock.go(1800)
    watched.calls.clear()
    response = await browser.get("/untouched")
    assert (watched.calls, response.set_cookies) == ({}, [])
