"""SEAL-2: a session that is shared with hono-sessions' cookie store."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, answer, attributes, own, site

from sessions import CookieStore, SessionMiddleware, open_store
from sessions.iron import seal, unseal

pytestmark = pytest.mark.anyio

VECTORS = json.loads((Path(__file__).parent / "data" / "iron-vectors.json").read_text("utf-8"))
BY_HONO = {
    (kind, example["what"].partition(":")[0]): example
    for kind in ("examples", "v2_examples")
    for example in VECTORS[kind]
}
HONO_KEY = "password_at_least_32_characters_long"
WHEN = dt.datetime(2026, 11, 23, 10, 20, tzinfo=dt.UTC).timestamp()
"""Between the real seals' `_accessed` and `_expire`."""


async def nothing(*_: Any) -> None:
    """An app."""


def shared_site(*handlers: Any, **options: Any) -> Any:
    shared = CookieStore(shared_with="hono-sessions")
    return site(*handlers, **{"store": shared, "encryption_key": KEY, **options})


def record_in(cookie: str | None, key: str = KEY) -> Any:
    return json.loads(unseal(cookie or "", key))


@pytest.fixture
def example_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real seals were made with the key of hono-sessions' manual, which is refused."""
    monkeypatch.setattr("sessions._keys.PUBLISHED", frozenset())


@pytest.mark.promise("SEAL-1", "SEAL-2")
@pytest.mark.usefixtures("example_key")
class TestHono:
    @pytest.mark.parametrize("kind", ["examples", "v2_examples"])
    async def test_we_read_what_hono_sessions_sealed(self, kind: str, clock: Clock) -> None:
        clock.now = WHEN
        browser = Browser(shared_site(encryption_key=HONO_KEY))
        browser.plant(BY_HONO[kind, "cookie store"]["sealed"])
        example = next(e for e in VECTORS[kind] if e["what"].startswith("cookie store: JSON"))
        assert await browser.replayed(example["sealed"]) == {"email": "tëst@test.com"}

    @pytest.mark.parametrize("kind", ["examples", "v2_examples"])
    async def test_its_expiry_counts(self, kind: str, clock: Clock) -> None:
        clock.now = WHEN + 600
        example = next(e for e in VECTORS[kind] if e["what"].startswith("cookie store: JSON"))
        assert await Browser(shared_site(encryption_key=HONO_KEY)).replayed(example["sealed"]) == {}

    @pytest.mark.parametrize("kind", ["examples", "v2_examples"])
    async def test_what_it_leaves_after_a_logout_is_anonymous(self, kind: str, clock: Clock) -> None:
        clock.now = WHEN
        example = next(e for e in VECTORS[kind] if e["what"].startswith("cookie store after logout"))
        browser = Browser(shared_site(encryption_key=HONO_KEY))
        assert await browser.replayed(example["sealed"]) == {}
        await browser.get("/write", a="1")
        assert (await browser.get("/read")).json() == {"a": "1"}

    async def test_ours_has_the_shape_of_its_record(self, clock: Clock) -> None:
        clock.now = WHEN + 0.123
        browser = Browser(shared_site(expire_after=600))
        await browser.get("/write", email="tëst@test.com")
        await browser.get("/flash", message="hi")
        cookie = browser.cookie() or ""
        assert isinstance(unseal(cookie, KEY), str)  # a JSON text inside a JSON string
        assert record_in(cookie) == {
            "_data": {
                "email": {"value": "tëst@test.com", "flash": False},
                "message": {"value": "hi", "flash": True},
            },
            "_expire": "2026-11-23T10:30:00.123Z",
            "_delete": False,
            "_accessed": "2026-11-23T10:20:00.123Z",
            "_created": "2026-11-23T10:20:00.123Z",
            "_owner": None,
            "_authenticated": None,
            "_timeouts": None,
        }

    async def test_its_flash_is_ours(self) -> None:
        record = {"_data": {"message": {"value": [1], "flash": True}}, "_expire": None, "_delete": False}
        browser = Browser(shared_site())
        browser.plant(seal(json.dumps(record), KEY))
        assert (await browser.get("/keys")).json() == ["message"]
        assert (await browser.get("/message")).json() == [1]
        assert (await browser.get("/message")).json() is None

    async def test_a_deleted_record_is_anonymous(self) -> None:
        record = {"_data": {"a": {"value": 1, "flash": False}}, "_expire": None, "_delete": True}
        assert await Browser(shared_site()).replayed(seal(json.dumps(record), KEY)) == {}

    async def test_fields_that_we_do_not_know_are_no_fault(self) -> None:
        record = {"_data": {"a": {"value": 1, "flash": False, "x": 2}}, "_id": "abc", "_expire": None}
        assert await Browser(shared_site()).replayed(seal(json.dumps(record), KEY)) == {"a": 1}

    async def test_it_is_changed_and_given_back(self, clock: Clock) -> None:
        clock.now = WHEN
        example = next(e for e in VECTORS["examples"] if e["what"].startswith("cookie store: JSON"))
        browser = Browser(shared_site(encryption_key=HONO_KEY, expire_after=900))
        browser.plant(example["sealed"])
        await browser.get("/increment", key="n")
        record = record_in(browser.cookie(), HONO_KEY)
        assert record["_data"] == {
            "email": {"value": "tëst@test.com", "flash": False},
            "n": {"value": 1, "flash": False},
        }
        assert record["_expire"] == "2026-11-23T10:35:45.000Z"  # the idle timeout and an interval from now
        assert record["_accessed"] == "2026-11-23T10:20:00.000Z"


@pytest.mark.promise("SEAL-2", "EXP-1", "EXP-4")
class TestTimeLimitsSharedWithHono:
    """What docs/hono.md says of a session that goes back and forth."""

    async def test_the_age_of_one_that_began_in_hono_counts_from_its_last_request_there(
        self, clock: Clock
    ) -> None:
        browser = Browser(shared_site(expire_after=5000, absolute_timeout=1000))
        browser.plant(by_hono(clock, expire_after=900))
        clock.go(600)
        in_hono(browser, clock, expire_after=900)
        clock.go(600)
        in_hono(browser, clock, expire_after=5000)
        clock.go(999)
        assert (await browser.copy().get("/read")).json() == {"email": "ada"}
        clock.go(1)
        assert (await browser.get("/read")).json() == {}

    async def test_from_our_first_write_on_its_age_counts_whatever_hono_does(self, clock: Clock) -> None:
        browser = Browser(shared_site(expire_after=900, absolute_timeout=1000))
        browser.plant(by_hono(clock, expire_after=900))
        clock.go(100)
        await browser.get("/write", colour="green")
        for _ in range(8):
            clock.go(100)
            in_hono(browser, clock, expire_after=900)
        assert (await browser.get("/read")).json() == {"email": "ada", "colour": "green"}
        clock.go(100)
        assert (await browser.get("/read")).json() == {}

    async def test_an_extension_is_such_a_write_too(self, clock: Clock) -> None:
        browser = Browser(shared_site(expire_after=100, absolute_timeout=1000))
        browser.plant(by_hono(clock, expire_after=100))
        birth = record_in(browser.cookie())["_accessed"]
        clock.go(90)
        await browser.get("/read")
        assert record_in(browser.cookie())["_created"] == birth

    async def test_without_expire_its_idle_timeout_is_ours(self, clock: Clock) -> None:
        browser = Browser(shared_site(expire_after=900))
        browser.plant(by_hono(clock, expire_after=None))
        clock.go(899)
        assert (await browser.copy().get("/read")).json() == {"email": "ada"}
        clock.go(1)
        assert (await browser.get("/read")).json() == {}

    async def test_one_that_was_never_accessed_begins_when_we_see_it(self, clock: Clock) -> None:
        browser = Browser(shared_site(expire_after=900, absolute_timeout=1000))
        browser.plant(sealed({"_data": {}, "_expire": None, "_delete": False, "_accessed": None}))
        await browser.get("/write", colour="green")
        record = record_in(browser.cookie())
        assert record["_created"] == record["_accessed"] == iso(clock)
        assert record["_expire"] == iso(clock, 900)

    @pytest.mark.parametrize("extend", [True, False])
    async def test_the_browser_is_never_told_of_more_than_the_absolute_timeout_leaves(
        self, clock: Clock, extend: bool
    ) -> None:
        options = {"expire_after": 900, "absolute_timeout": 1000, "auto_extend_expiration": extend}
        browser = Browser(shared_site(expiry, **options))
        await browser.get("/write", colour="green")
        clock.go(800)
        in_hono(browser, clock, expire_after=900)
        clock.go(50)
        left = iso(clock, 150)
        assert (await browser.get("/expiry")).json() == left
        (line,) = (await browser.get("/write", colour="blue")).set_cookies
        assert attributes(line)["max-age"] == "150"
        assert record_in(browser.cookie())["_expire"] == left

    async def test_birth_and_owner_outlive_what_hono_writes(self, clock: Clock) -> None:
        browser = Browser(shared_site(log_in, owner))
        await browser.get("/log_in")
        birth = iso(clock)
        clock.go(60)
        in_hono(browser, clock, expire_after=900, email="grace")
        assert (await browser.get("/owner")).json() == "ada"
        await browser.get("/write", colour="green")
        record = record_in(browser.cookie())
        assert (record["_created"], record["_owner"]) == (birth, "ada")
        assert set(record["_data"]) == {"email", "colour"}


async def log_in(request: Request) -> Response:
    own(request).owner = "ada"
    return answer()


async def owner(request: Request) -> Response:
    return answer(own(request).owner)


async def expiry(request: Request) -> Response:
    moment = own(request).expires_at
    return answer(moment and iso_of(moment))


def iso_of(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso(clock: Clock, seconds: float = 0) -> str:
    """As JavaScript's toISOString()."""
    return iso_of(dt.datetime.fromtimestamp(clock.now + seconds, dt.UTC))


def sealed(record: dict[str, Any]) -> str:
    return seal(json.dumps(record), KEY)


def by_hono(clock: Clock, *, expire_after: float | None) -> str:
    """The cookie of a session that a Hono app has just begun."""
    return sealed(
        {
            "_data": {"email": {"value": "ada", "flash": False}},
            "_expire": None if expire_after is None else iso(clock, expire_after),
            "_delete": False,
            "_accessed": iso(clock),
        }
    )


def in_hono(browser: Browser, clock: Clock, *, expire_after: float, **values: str) -> None:
    """What a request in a Hono app does to a session: it changes the fields that it knows and keeps the rest.

    The shared sessions of the browser suite ask hono-sessions itself.
    """
    record = record_in(browser.cookie())
    record |= {"_expire": iso(clock, expire_after), "_accessed": iso(clock)}
    record["_data"] |= {key: {"value": value, "flash": False} for key, value in values.items()}
    browser.plant(sealed(record))


@pytest.mark.promise("SEAL-2")
class TestTheOption:
    async def test_a_url_names_it_too(self) -> None:
        browser = Browser(shared_site(store=open_store("cookie:?shared_with=hono-sessions")))
        await browser.get("/write", colour="green")
        assert record_in(browser.cookie())["_data"] == {"colour": {"value": "green", "flash": False}}

    @pytest.mark.parametrize("name", ["hono", "", "HONO-SESSIONS", 7])
    def test_another_library_is_a_value_error(self, name: Any) -> None:
        with pytest.raises(ValueError, match="shared_with is None or 'hono-sessions'"):
            CookieStore(shared_with=name)
        with pytest.raises(ValueError, match="shared_with is None or 'hono-sessions'"):
            open_store(f"cookie:?shared_with={name}")

    def test_a_realm_has_no_place_in_it(self) -> None:
        with pytest.raises(ValueError, match="shared with hono-sessions has no realm"):
            SessionMiddleware(nothing, CookieStore(shared_with="hono-sessions"), KEY, realm="shop")

    async def test_without_it_neither_side_opens_what_the_other_sealed(self) -> None:
        ours = Browser(shared_site(store=CookieStore()))
        shared = Browser(shared_site())
        for browser in (ours, shared):
            await browser.get("/write", a="1")
        by_ours, by_shared = ours.cookie(), shared.cookie()
        assert await ours.replayed(by_shared) == {}
        assert await shared.replayed(by_ours) == {}
