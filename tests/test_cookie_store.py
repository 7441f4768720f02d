"""SEAL: the session that travels in the cookie."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, OTHER_KEY, Browser, Clock, answer, attributes, own, site

from sessions import CookieOptions, CookieStore, CookieTooLarge, MemoryStore, SessionMiddleware, Store
from sessions._cookie import Cookie
from sessions._cookie_header import MAX_COOKIE
from sessions.iron import Sealer, seal, unseal
from sessions.stores.cookie import MAX_BYTES

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


def sealed_site(*handlers: Any, **options: Any) -> Any:
    return site(*handlers, **{"store": CookieStore(), "encryption_key": KEY, **options})


async def large(request: Request) -> Response:
    request.session["large"] = "x" * int(request.query_params["size"])
    return answer()


async def length(request: Request) -> Response:
    return answer(len(request.session.get("large", "")))


def record_in(cookie: str | None, key: str = KEY) -> Any:
    return json.loads(unseal(cookie or "", key))


# -- SEAL-2: hono-sessions' record -------------------------------------------------------------------


@pytest.mark.promise("SEAL-1", "SEAL-2")
class TestHono:
    @pytest.mark.parametrize("kind", ["examples", "v2_examples"])
    async def test_we_read_what_hono_sessions_sealed(self, kind: str, clock: Clock) -> None:
        clock.now = WHEN
        browser = Browser(sealed_site(encryption_key=HONO_KEY))
        browser.plant(BY_HONO[kind, "cookie store"]["sealed"])
        example = next(e for e in VECTORS[kind] if e["what"].startswith("cookie store: JSON"))
        assert await browser.replayed(example["sealed"]) == {"email": "tëst@test.com"}

    @pytest.mark.parametrize("kind", ["examples", "v2_examples"])
    async def test_its_expiry_counts(self, kind: str, clock: Clock) -> None:
        clock.now = WHEN + 600
        example = next(e for e in VECTORS[kind] if e["what"].startswith("cookie store: JSON"))
        assert await Browser(sealed_site(encryption_key=HONO_KEY)).replayed(example["sealed"]) == {}

    @pytest.mark.parametrize("kind", ["examples", "v2_examples"])
    async def test_what_it_leaves_after_a_logout_is_anonymous(self, kind: str, clock: Clock) -> None:
        clock.now = WHEN
        example = next(e for e in VECTORS[kind] if e["what"].startswith("cookie store after logout"))
        browser = Browser(sealed_site(encryption_key=HONO_KEY))
        assert await browser.replayed(example["sealed"]) == {}
        await browser.get("/write", a="1")
        assert (await browser.get("/read")).json() == {"a": "1"}

    async def test_ours_has_the_shape_of_its_record(self, clock: Clock) -> None:
        clock.now = WHEN + 0.123
        browser = Browser(sealed_site(expire_after=600))
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
        }

    async def test_its_flash_is_ours(self) -> None:
        record = {"_data": {"message": {"value": [1], "flash": True}}, "_expire": None, "_delete": False}
        browser = Browser(sealed_site())
        browser.plant(seal(json.dumps(record), KEY))
        assert (await browser.get("/keys")).json() == ["message"]
        assert (await browser.get("/message")).json() == [1]
        assert (await browser.get("/message")).json() is None

    async def test_a_deleted_record_is_anonymous(self) -> None:
        record = {"_data": {"a": {"value": 1, "flash": False}}, "_expire": None, "_delete": True}
        assert await Browser(sealed_site()).replayed(seal(json.dumps(record), KEY)) == {}

    async def test_fields_that_we_do_not_know_are_no_fault(self) -> None:
        record = {"_data": {"a": {"value": 1, "flash": False, "x": 2}}, "_id": "abc", "_expire": None}
        assert await Browser(sealed_site()).replayed(seal(json.dumps(record), KEY)) == {"a": 1}

    async def test_it_is_changed_and_given_back(self, clock: Clock) -> None:
        clock.now = WHEN
        example = next(e for e in VECTORS["examples"] if e["what"].startswith("cookie store: JSON"))
        browser = Browser(sealed_site(encryption_key=HONO_KEY, expire_after=900))
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
        browser = Browser(sealed_site(expire_after=5000, absolute_timeout=1000))
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
        browser = Browser(sealed_site(expire_after=900, absolute_timeout=1000))
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
        browser = Browser(sealed_site(expire_after=100, absolute_timeout=1000))
        browser.plant(by_hono(clock, expire_after=100))
        birth = record_in(browser.cookie())["_accessed"]
        clock.go(90)
        await browser.get("/read")
        assert record_in(browser.cookie())["_created"] == birth

    async def test_without_expire_its_idle_timeout_is_ours(self, clock: Clock) -> None:
        browser = Browser(sealed_site(expire_after=900))
        browser.plant(by_hono(clock, expire_after=None))
        clock.go(899)
        assert (await browser.copy().get("/read")).json() == {"email": "ada"}
        clock.go(1)
        assert (await browser.get("/read")).json() == {}

    async def test_one_that_was_never_accessed_begins_when_we_see_it(self, clock: Clock) -> None:
        browser = Browser(sealed_site(expire_after=900, absolute_timeout=1000))
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
        browser = Browser(sealed_site(expiry, **options))
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
        browser = Browser(sealed_site(log_in, owner))
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


@pytest.mark.promise("COOKIE-1")
async def test_reads_in_the_last_idle_timeout_of_its_age_tell_the_browser_nothing(clock: Clock) -> None:
    browser = Browser(sealed_site(expire_after=900, absolute_timeout=1000))
    await browser.get("/write", colour="green")
    clock.go(500)
    assert (await browser.get("/read")).set_cookies  # extended, up to its last second
    clock.go(100)
    reply = await browser.get("/read")
    assert reply.json() == {"colour": "green"}
    assert reply.set_cookies == []


# -- SEAL-3: keys ------------------------------------------------------------------------------------

KINDS: dict[str, Callable[[], Any]] = {"id": MemoryStore, "content": CookieStore}


@pytest.mark.promise("SEAL-3")
@pytest.mark.parametrize("kind", KINDS)
class TestKeys:
    async def test_a_list_opens_what_any_sealed_and_seals_with_the_first(self, kind: str) -> None:
        store = KINDS[kind]()
        old = Browser(site(store=store, encryption_key=KEY))
        await old.get("/write", a="1")
        new = Browser(site(store=store, encryption_key=[OTHER_KEY, KEY]))
        assert await new.replayed(old.cookie()) == {"a": "1"}
        await new.get("/rotate", b="2")
        assert unseal(new.cookie() or "", OTHER_KEY)
        assert (await new.get("/read")).json() == {"a": "1", "b": "2"}
        # The old key is retired: what the new one sealed lives on, the rest is over.
        retired = Browser(site(store=store, encryption_key=OTHER_KEY))
        assert await retired.replayed(new.cookie()) == {"a": "1", "b": "2"}
        assert await retired.replayed(old.cookie()) == {}

    async def test_a_function_is_asked_each_time(self, kind: str) -> None:
        secrets = [KEY]
        browser = Browser(site(store=KINDS[kind](), encryption_key=[lambda: secrets[0], lambda: secrets[-1]]))
        await browser.get("/write", a="1")
        assert unseal(browser.cookie() or "", KEY)
        secrets.insert(0, OTHER_KEY)
        assert (await browser.get("/read")).json() == {"a": "1"}
        await browser.get("/rotate", b="2")
        assert unseal(browser.cookie() or "", OTHER_KEY)
        secrets.pop()
        assert (await browser.get("/read")).json() == {"a": "1", "b": "2"}

    async def test_a_function_alone_and_a_list_of_one(self, kind: str) -> None:
        store = KINDS[kind]()
        browser = Browser(site(store=store, encryption_key=lambda: KEY))
        await browser.get("/write", a="1")
        assert await Browser(site(store=store, encryption_key=[KEY])).replayed(browser.cookie()) == {"a": "1"}
        assert await Browser(site(store=store, encryption_key=(KEY,))).replayed(browser.cookie()) == {
            "a": "1"
        }


@pytest.mark.promise("SEAL-5")
@pytest.mark.parametrize("store", [MemoryStore(), CookieStore()])
class TestBadKeys:
    @pytest.mark.parametrize(
        "key",
        ["", "x" * 31, [], [""], [KEY, "short"], ["short", KEY], [KEY, lambda: "short"], lambda: "x" * 31],
    )
    def test_a_short_key_is_a_value_error_at_construction(self, store: Any, key: Any) -> None:
        with pytest.raises(ValueError, match=r"32|empty") as caught:
            SessionMiddleware(nothing, store, encryption_key=key)
        assert "xxx" not in str(caught.value)

    def test_32_characters_are_enough(self, store: Any) -> None:
        SessionMiddleware(nothing, store, encryption_key=KEY[:32])

    @pytest.mark.parametrize("key", [5, [None], lambda: None])
    def test_what_is_no_text_is_refused(self, store: Any, key: Any) -> None:
        with pytest.raises((TypeError, ValueError)):
            SessionMiddleware(nothing, store, encryption_key=key)


@pytest.mark.promise("SEAL-5")
@pytest.mark.parametrize("options", [{}, {"encryption_key": None}])
def test_a_cookie_store_without_key_is_a_value_error(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="encryption_key"):
        SessionMiddleware(nothing, CookieStore(), **options)


# -- SEAL-4: size ------------------------------------------------------------------------------------


@pytest.mark.promise("SEAL-4")
class TestSize:
    async def test_every_size_comes_back(self) -> None:
        browser = Browser(sealed_site(large, length))
        pieces = set()
        for size in [*range(2_700, 2_820, 3), *range(5_600, 5_850, 3), *range(8_500, 8_900, 7), 10_000]:
            response = await browser.get(f"/large?size={size}")
            assert response.status == 200
            assert all(len(pair.partition(";")[0]) - 1 <= MAX_COOKIE for pair in response.set_cookies)
            assert (await browser.get("/length")).json() == size
            pieces.add(len(browser.jar))
        assert pieces == {1, 2, 3, 4}

    async def test_pieces_share_their_attributes(self) -> None:
        browser = Browser(
            sealed_site(large, expire_after=60, cookie_options=CookieOptions(path="/", same_site="strict")),
            scheme="https",
        )
        lines = [attributes(line) for line in (await browser.get("/large?size=9000")).set_cookies]
        assert [line.pop("name") for line in lines] == ["session", "session.1", "session.2", "session.3"]
        for line in lines:
            assert line.pop("value")
            assert line == {
                "max-age": "60",
                "path": "/",
                "httponly": "",
                "samesite": "strict".title(),
                "secure": "",
            }

    async def test_left_over_pieces_are_removed_when_it_shrinks(self) -> None:
        browser = Browser(sealed_site(large, length))
        for size, pieces in ((9_000, 4), (5_000, 2), (7_000, 3), (10, 1), (6_000, 3), (10, 1)):
            await browser.get(f"/large?size={size}")
            assert (await browser.get("/length")).json() == size
            assert len(browser.jar) == pieces

    async def test_a_logout_removes_all_pieces(self) -> None:
        browser = Browser(sealed_site(large))
        await browser.get("/large?size=9000")
        assert len(browser.jar) == 4
        await browser.get("/destroy")
        assert browser.jar == {}

    async def test_a_missing_piece_is_an_anonymous_request(self) -> None:
        browser = Browser(sealed_site(large, length))
        await browser.get("/large?size=9000")
        for name in ("session.1", "session.3", "session"):
            other = browser.copy()
            del other.jar[name, "", "/"]
            assert (await other.get("/length")).json() == 0
            # and it recovers: what is written next is whole, without the pieces of before
            await other.get("/write", a="1")
            assert (await other.get("/read")).json() == {"a": "1"}
            assert len(other.jar) == 1

    async def test_pieces_left_over_from_elsewhere_do_no_harm(self) -> None:
        browser = Browser(sealed_site(large, length))
        await browser.get("/large?size=5000")
        browser.plant("garbage", "session.7")
        assert (await browser.get("/length")).json() == 5_000

    @pytest.mark.parametrize("max_bytes", [512, 2_000, 6_000, MAX_BYTES])
    async def test_past_the_limit_it_is_an_error_and_the_session_stays(self, max_bytes: int) -> None:
        browser = Browser(sealed_site(large, length, store=CookieStore(max_bytes=max_bytes)))
        await browser.get("/write", a="1")
        before = dict(browser.jar)
        response = await browser.get(f"/large?size={max_bytes}")
        assert response.status == 500
        assert isinstance(response.error, CookieTooLarge)
        assert f"{max_bytes} are allowed" in str(response.error)
        assert response.set_cookies == []
        assert browser.jar == before
        assert (await browser.get("/read")).json() == {"a": "1"}

    async def test_the_limit_counts_what_the_browser_sends(self) -> None:
        browser = Browser(sealed_site(large, length))
        last = 0
        for size in range(10_700, 11_400, 4):
            if (await browser.get(f"/large?size={size}")).status == 200:
                last = size
                sent = sum(len(name) + len(kept.value) for (name, _, _), kept in browser.jar.items())
                assert sent <= MAX_BYTES
        assert (await browser.get("/length")).json() == last
        assert last < 11_396

    def test_a_limit_that_no_session_keeps_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="max_bytes"):
            CookieStore(max_bytes=511)


def joined(cookie: Cookie, lines: list[bytes]) -> str:
    """What the server reads when the browser sends all of it back."""
    header = b"; ".join(line.partition(b";")[0] for line in lines)
    found = cookie.find([(b"cookie", header)])
    assert found
    return found.value


@pytest.mark.promise("SEAL-4")
@pytest.mark.parametrize("name", ["session", "s", "__Host-a-longer-name", "x" * 256])
def test_a_split_value_is_joined_again_at_every_length(name: str) -> None:
    cookie = Cookie(name, CookieOptions())
    for size in [0, 1, *range(MAX_COOKIE - len(name) - 3, 5 * MAX_COOKIE), 45_000, 60_000]:
        value = "x" * (size - 1) + "y"
        lines = cookie.write(value, None, https=False, max_bytes=10**9)
        assert joined(cookie, lines) == value
        assert all(len(line.partition(b";")[0]) - 1 <= MAX_COOKIE for line in lines)
        assert (len(lines) == 1) == (len(name) + len(value) <= MAX_COOKIE)


@pytest.mark.promise("SEAL-4")
@given(
    st.integers(1, 60_000),
    st.text("abcdefgh-_", min_size=1, max_size=50),
    st.sets(st.integers(1, 40), max_size=20),
)
def test_split_and_join_are_inverse_and_leave_no_stale_piece(size: int, name: str, stale: set[int]) -> None:
    cookie = Cookie(name, CookieOptions())
    value = ("0123456789" * (size // 10 + 1))[:size]
    lines = cookie.write(value, 60, https=True, max_bytes=10**9, stale=stale)
    jar = {f"{name}.{number}": "stale" for number in stale}
    for line in lines:
        found = attributes(line.decode())
        if found["max-age"] == "0":
            del jar[found["name"]]
        else:
            jar[found["name"]] = found["value"]
    again = cookie.find([(b"cookie", "; ".join(f"{key}={text}" for key, text in jar.items()).encode())])
    assert again
    assert again.value == value
    assert "stale" not in jar.values()


# -- the rest of its life ----------------------------------------------------------------------------


@pytest.mark.promise("ROT-4")
async def test_rotation_changes_nothing_that_a_replay_could_notice() -> None:
    """Not a promise but the lack of one: if this ever fails, docs and matrix have to change."""
    browser = Browser(sealed_site())
    await browser.get("/write", a="1")
    thief = browser.copy()
    await browser.get("/rotate", user="ada")
    assert (await browser.get("/read")).json() == {"a": "1", "user": "ada"}
    assert (await thief.get("/read")).json() == {"a": "1"}


@pytest.mark.promise("SEAL-2: what the browser cannot read")
async def test_nothing_of_the_session_is_readable_in_the_cookie() -> None:
    browser = Browser(sealed_site())
    await browser.get("/write", colour="hunter2")
    cookie = browser.cookie() or ""
    assert "hunter2" not in cookie
    assert len(Sealer(KEY).unseal(cookie)) > 50


@pytest.mark.promise("OBJ-2")
async def test_facts_survive_in_the_cookie(clock: Clock) -> None:
    async def facts(request: Request) -> Response:
        session = own(request)
        return answer(
            [session.is_new, str(session.created_at), str(session.expires_at), session.id, session.owner]
        )

    async def log_in(request: Request) -> Response:
        own(request).owner = "ada"
        return answer()

    clock.now = WHEN
    browser = Browser(sealed_site(facts, log_in, expire_after=100))
    await browser.get("/log_in")
    clock.go(10)
    expected = [False, "2026-11-23 10:20:00+00:00", "2026-11-23 10:21:40+00:00", None, "ada"]
    assert (await browser.get("/facts")).json() == expected


@pytest.mark.promise("EXP-1")
async def test_a_replayed_cookie_does_not_outlive_its_expiry(clock: Clock) -> None:
    browser = Browser(sealed_site(expire_after=100))
    await browser.get("/write", a="1")
    cookie = browser.cookie()
    clock.go(99.9)
    assert await Browser(browser.app).replayed(cookie) == {"a": "1"}
    clock.go(0.1)
    assert await Browser(browser.app).replayed(cookie) == {}


@pytest.mark.promise("NEW-2")
async def test_a_sealed_id_and_a_sealed_session_are_no_stand_ins_for_each_other(store: Store) -> None:
    with_ids = Browser(site(store=store, encryption_key=KEY))
    with_content = Browser(sealed_site())
    await with_ids.get("/write", a="1")
    await with_content.get("/write", b="1")
    assert await Browser(with_content.app).replayed(with_ids.cookie()) == {}
    assert await Browser(with_ids.app).replayed(with_content.cookie()) == {}


@pytest.mark.promise("OUT-3")
@pytest.mark.parametrize("end", ["destroy", "clear"])
async def test_what_is_set_after_the_end_of_a_session_replaces_it_in_the_browser(end: str) -> None:
    async def begin_anew(request: Request) -> Response:
        session = own(request)
        getattr(session, end)()
        session["colour"] = "green"
        return answer()

    browser = Browser(sealed_site(log_in, begin_anew))
    await browser.get("/log_in")
    await browser.get("/begin_anew")
    assert (await browser.get("/read")).json() == {"colour": "green"}
