"""SEAL: the session that travels in the cookie."""

from __future__ import annotations

import datetime as dt
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, OTHER_KEY, Browser, Clock, answer, attributes, own, site

from sessions import CookieOptions, CookieStore, CookieTooLarge, MemoryStore, SessionMiddleware, Store
from sessions._cookie import Cookie
from sessions._cookie_header import MAX_COOKIE, MAX_PIECES
from sessions.stores.cookie import MAX_BYTES, MOST_BYTES

pytestmark = pytest.mark.anyio

WHEN = dt.datetime(2026, 11, 23, 10, 20, tzinfo=dt.UTC).timestamp()


async def nothing(*_: Any) -> None:
    """An app."""


def sealed_site(*handlers: Any, **options: Any) -> Any:
    return site(*handlers, **{"store": CookieStore(), "encryption_key": KEY, **options})


def split_site(*handlers: Any, **options: Any) -> Any:
    """With room for sessions that take several cookies."""
    return sealed_site(*handlers, store=CookieStore(max_bytes=15_000), **options)


async def large(request: Request) -> Response:
    request.session["large"] = "x" * int(request.query_params["size"])
    return answer()


async def length(request: Request) -> Response:
    return answer(len(request.session.get("large", "")))


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
        assert (await new.get("/read")).json() == {"a": "1", "b": "2"}
        # The old key is retired: what the new one sealed lives on, the rest is over.
        retired = Browser(site(store=store, encryption_key=OTHER_KEY))
        assert await retired.replayed(new.cookie()) == {"a": "1", "b": "2"}
        assert await retired.replayed(old.cookie()) == {}

    async def test_a_function_is_asked_each_time(self, kind: str) -> None:
        secrets, store = [KEY], KINDS[kind]()
        browser = Browser(site(store=store, encryption_key=[lambda: secrets[0], lambda: secrets[-1]]))
        await browser.get("/write", a="1")
        assert await Browser(site(store=store, encryption_key=KEY)).replayed(browser.cookie()) == {"a": "1"}
        secrets.insert(0, OTHER_KEY)
        assert (await browser.get("/read")).json() == {"a": "1"}
        await browser.get("/rotate", b="2")
        other = Browser(site(store=store, encryption_key=OTHER_KEY))
        assert await other.replayed(browser.cookie()) == {"a": "1", "b": "2"}
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
        browser = Browser(split_site(large, length))
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
            split_site(large, expire_after=60, cookie_options=CookieOptions(path="/", same_site="strict")),
            scheme="https",
        )
        lines = [attributes(line) for line in (await browser.get("/large?size=10000")).set_cookies]
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
        browser = Browser(split_site(large, length))
        for size, pieces in ((10_000, 4), (5_000, 2), (7_000, 3), (10, 1), (6_500, 3), (10, 1)):
            await browser.get(f"/large?size={size}")
            assert (await browser.get("/length")).json() == size
            assert len(browser.jar) == pieces

    async def test_a_logout_removes_all_pieces(self) -> None:
        browser = Browser(split_site(large))
        await browser.get("/large?size=10000")
        assert len(browser.jar) == 4
        await browser.get("/destroy")
        assert browser.jar == {}

    async def test_a_missing_piece_is_an_anonymous_request(self) -> None:
        browser = Browser(split_site(large, length))
        await browser.get("/large?size=10000")
        for name in ("session.1", "session.3", "session"):
            other = browser.copy()
            del other.jar[name, "", "/"]
            assert (await other.get("/length")).json() == 0
            assert other.jar == {}, "its pieces were of no use any more"
            await other.get("/write", a="1")
            assert (await other.get("/read")).json() == {"a": "1"}
            assert len(other.jar) == 1

    async def test_pieces_left_over_from_elsewhere_do_no_harm(self) -> None:
        browser = Browser(split_site(large, length))
        await browser.get("/large?size=5000")
        browser.plant("garbage", "session.7")
        assert (await browser.get("/length")).json() == 5_000

    @pytest.mark.parametrize("max_bytes", [512, 2_000, 6_000, MAX_BYTES, MOST_BYTES])
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
        for size in range(1_800, 2_200, 4):
            if (await browser.get(f"/large?size={size}")).status == 200:
                last = size
                sent = sum(len(name) + len(kept.value) for (name, _, _), kept in browser.jar.items())
                assert sent <= MAX_BYTES
        assert (await browser.get("/length")).json() == last
        assert 1_800 < last < 2_196

    @pytest.mark.parametrize("max_bytes", [511, MOST_BYTES + 1])
    def test_a_limit_that_no_session_keeps_or_no_request_brings_is_a_value_error(
        self, max_bytes: int
    ) -> None:
        with pytest.raises(ValueError, match="max_bytes"):
            CookieStore(max_bytes=max_bytes)

    async def test_the_largest_session_that_can_be_allowed_comes_back(self) -> None:
        browser = Browser(sealed_site(large, length, store=CookieStore(max_bytes=MOST_BYTES)))
        assert (await browser.get("/large?size=44000")).status == 200
        assert (await browser.get("/length")).json() == 44_000
        assert len(browser.jar) <= MAX_PIECES


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
    for _ in range(20):  # a response has room for some of the stale ones, the next ones go on
        for line in lines:
            found = attributes(line.decode())
            if found["max-age"] == "0":
                del jar[found["name"]]
            else:
                jar[found["name"]] = found["value"]
        stale = {number for number in stale if jar.get(f"{name}.{number}") == "stale"}
        lines = cookie.write(value, 60, https=True, max_bytes=10**9, stale=stale)
    again = cookie.find([(b"cookie", "; ".join(f"{key}={text}" for key, text in jar.items()).encode())])
    assert again
    assert again.value == value
    assert "stale" not in jar.values()


async def log_in(request: Request) -> Response:
    own(request).owner = "ada"
    return answer()


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


@pytest.mark.promise("SEAL-1: what the browser cannot read")
async def test_nothing_of_the_session_is_readable_in_the_cookie() -> None:
    browser = Browser(sealed_site())
    await browser.get("/write", colour="hunter2")
    cookie = browser.cookie() or ""
    assert "hunter2" not in cookie
    decoded = b"".join(urlsafe_b64decode(field + "=" * (-len(field) % 4)) for field in cookie.split("*")[1:])
    assert len(decoded) > 100
    assert b"hunter2" not in decoded
    assert b"colour" not in decoded


@pytest.mark.promise("OBJ-2")
async def test_facts_survive_in_the_cookie(clock: Clock) -> None:
    async def facts(request: Request) -> Response:
        session = own(request)
        return answer(
            [session.is_new, str(session.created_at), str(session.expires_at), session.id, session.owner]
        )

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
