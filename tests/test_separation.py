"""SEC-1: a cookie's value is good for the cookie name and realm that it was issued for, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, answer, key_of, own, site

from sessions import CookieStore, MemoryStore, SessionMiddleware, Store, iron
from sessions._carriers.id import keys_for
from sessions._keys import Purpose

pytestmark = [pytest.mark.anyio, pytest.mark.promise("SEC-1")]

SHARED: dict[str, Callable[[], dict[str, Any]]] = {
    "id": lambda: {"store": MemoryStore()},
    "sealed id": lambda: {"store": MemoryStore(), "encryption_key": KEY},
    "content": lambda: {"store": CookieStore(), "encryption_key": KEY},
}
"""What two middlewares may have in common, by what their cookies hold."""


async def nothing(*_: Any) -> None:
    """An app."""


@pytest.fixture(params=SHARED)
def shared(request: pytest.FixtureRequest) -> dict[str, Any]:
    options: dict[str, Any] = SHARED[request.param]()
    return options


async def log_in(request: Request) -> Response:
    session = own(request)
    session.rotate()
    session.owner = "ada"
    session["role"] = "admin"
    return answer()


async def whose(request: Request) -> Response:
    return answer([own(request).owner, dict(own(request))])


ANONYMOUS: list[Any] = [None, {}]
SIGNED_IN: list[Any] = ["ada", {"role": "admin"}]


async def logged_in(name: str, **options: Any) -> str:
    """The value of this cookie after a login."""
    browser = Browser(site(log_in, session_cookie_name=name, **options))
    await browser.get("/log_in")
    cookie = browser.cookie(name)
    assert cookie
    return cookie


async def sent_as(cookie: str, name: str, **options: Any) -> Any:
    """Who somebody is that sends this value as the cookie of this name."""
    browser = Browser(site(whose, session_cookie_name=name, **options))
    browser.plant(cookie, name)
    return (await browser.get("/whose")).json()


async def test_it_is_no_good_as_a_cookie_of_another_name(shared: dict[str, Any]) -> None:
    cookie = await logged_in("cart", **shared)
    assert await sent_as(cookie, "cart", **shared) == SIGNED_IN
    for other in ("admin", "cart2", "Cart", "__Host-cart", "__Secure-cart"):
        assert await sent_as(cookie, other, **shared) == ANONYMOUS


async def test_nor_in_another_realm(shared: dict[str, Any]) -> None:
    cookie = await logged_in("session", realm="shop", **shared)
    assert await sent_as(cookie, "session", realm="shop", **shared) == SIGNED_IN
    for other in ("", "blog", "Shop", "shop "):
        assert await sent_as(cookie, "session", realm=other, **shared) == ANONYMOUS
    assert await sent_as(await logged_in("session", **shared), "session", realm="shop", **shared) == ANONYMOUS


async def test_a_name_and_a_realm_do_not_run_into_one_another(shared: dict[str, Any]) -> None:
    cookie = await logged_in("ab", realm="c", **shared)
    assert await sent_as(cookie, "a", realm="bc", **shared) == ANONYMOUS


NAMES = st.text("abc-", min_size=1, max_size=4)
REALMS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\n\0=;"), max_size=6)
PURPOSES = st.tuples(st.sampled_from(["id", "sealed id", "content"]), NAMES, REALMS)


@given(PURPOSES, PURPOSES)
def test_no_two_purposes_are_one(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    texts = {Purpose(name, realm).of(kind) for kind, name, realm in (one, other)}
    assert len(texts) == len({one, other})


async def test_the_two_sessions_of_one_app_are_not_exchanged(shared: dict[str, Any]) -> None:
    """The reason for all of it: whoever may write into the cart is not an administrator."""
    inner = site(whose, log_in, session_cookie_name="admin", **shared)
    browser = Browser(SessionMiddleware(inner, session_cookie_name="cart", **shared))
    await browser.get("/log_in")
    browser.plant(browser.cookie("admin") or "", "cart")
    browser.plant("", "admin")
    assert (await browser.get("/whose")).json() == ANONYMOUS


async def test_a_session_goes_on_through_rotations_and_ends(shared: dict[str, Any]) -> None:
    browser = Browser(site(log_in, whose, realm="shop", session_cookie_name="cart", **shared))
    await browser.get("/write", before="login")
    for _ in range(3):
        await browser.get("/log_in")
        assert (await browser.get("/whose")).json() == ["ada", {"before": "login", "role": "admin"}]
    await browser.get("/destroy")
    assert (await browser.get("/whose")).json() == ANONYMOUS


async def test_a_tombstone_leads_nowhere_in_another_realm(store: Store) -> None:
    shop = Browser(site(store=store, realm="shop"))
    await shop.get("/write", a="1")
    old = shop.cookie()
    await shop.get("/rotate")
    blog = Browser(site(store=store, realm="blog"))
    blog.plant(old or "")
    await blog.get("/rotate", b="2")
    assert (await shop.get("/read")).json() == {"a": "1"}
    assert (await blog.get("/read")).json() == {"b": "2"}
    assert blog.cookie() != shop.cookie()


async def test_a_users_sessions_of_all_realms_are_listed_and_ended_by_key(store: Store) -> None:
    async def key(request: Request) -> Response:
        return answer(own(request).key)

    browsers = [
        Browser(site(log_in, whose, key, store=store, realm=realm)) for realm in ("", "shop", "blog", "shop")
    ]
    for browser in browsers:
        await browser.get("/log_in")
    keys = [(await browser.get("/key")).json() for browser in browsers]
    assert {session.key for session in await store.sessions_of("ada")} == set(keys)
    assert await store.destroy(keys[0])
    assert await store.destroy_all("ada", except_key=keys[1]) == 2
    assert [(await browser.get("/whose")).json() for browser in browsers] == [
        ANONYMOUS,
        SIGNED_IN,
        ANONYMOUS,
        ANONYMOUS,
    ]


# -- seals that the app makes ------------------------------------------------------------------------

NOW_MS = int(time.time() * 1000)
LINE = '{"data":{"role":"admin"},"owner":"ada"}'
HONO = '{"_data":{"role":{"value":"admin","flash":false}},"_expire":null,"_delete":false,"_owner":"ada"}'
TEXTS = {
    "an id": "A" * 43,
    "the cookie store's text": [NOW_MS, NOW_MS + 1_000_000, NOW_MS, json.loads(LINE)],
    "a record's line": LINE,
    "hono-sessions' record": HONO,
    "an object": {"role": "admin"},
}
PURPOSES_OF_AN_APP = [
    "",
    "invitation",
    "session",
    *(Purpose("session").of(kind) for kind in ("id", "sealed id", "content")),
]


@pytest.mark.parametrize("purpose", PURPOSES_OF_AN_APP)
@pytest.mark.parametrize("text", TEXTS)
async def test_no_seal_that_an_app_makes_opens_a_session(
    shared: dict[str, Any], text: str, purpose: str
) -> None:
    """The app seals a text that the client chose, for a purpose that the client may have guessed."""
    if isinstance(shared["store"], MemoryStore):
        browser = Browser(site(log_in, store=shared["store"]))
        await browser.get("/log_in")
        TEXTS["an id"] = browser.cookie() or ""
    plain = TEXTS[text] if isinstance(TEXTS[text], str) else json.dumps(TEXTS[text], separators=(",", ":"))
    for sealed in (
        iron.seal(TEXTS[text], KEY, purpose=purpose),
        iron.Sealer(KEY, purpose=purpose).seal(str(plain).encode()),
    ):
        assert await sent_as(sealed, "session", **shared) == ANONYMOUS


async def test_a_sealed_id_is_no_session_of_a_cookie_store() -> None:
    sealed_id = await logged_in("session", store=MemoryStore(), encryption_key=KEY)
    content = await logged_in("session", store=CookieStore(), encryption_key=KEY)
    assert await sent_as(sealed_id, "session", store=CookieStore(), encryption_key=KEY) == ANONYMOUS
    assert await sent_as(content, "session", store=MemoryStore(), encryption_key=KEY) == ANONYMOUS


# -- the option --------------------------------------------------------------------------------------


def test_a_store_keeps_two_realms_under_different_keys() -> None:
    keys = {keys_for(Purpose(name, realm))("A" * 43) for name in ("a", "b") for realm in ("", "x")}
    assert len(keys) == 4
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)
    assert key_of("A" * 43) == keys_for(Purpose("session", ""))("A" * 43)


@pytest.mark.parametrize(
    ("realm", "kind", "fault"),
    [
        (None, TypeError, "realm is of type NoneType, and must be text"),
        (b"shop", TypeError, "realm is of type bytes, and must be text"),
        ("shop\ud800", ValueError, "realm has half a surrogate pair in it"),
    ],
)
def test_what_is_no_realm_is_refused(
    shared: dict[str, Any], realm: Any, kind: type[Exception], fault: str
) -> None:
    with pytest.raises(kind, match=fault):
        SessionMiddleware(nothing, realm=realm, **shared)


@pytest.mark.promise("OBJ-6")
@pytest.mark.parametrize("name", ["session.1", "session.999", "a.b.12", "__Host-session.3"])
def test_a_name_that_a_piece_of_a_split_cookie_may_have_is_refused(shared: dict[str, Any], name: str) -> None:
    """The middleware named `session` would remove it, and take it for a part of its own."""
    with pytest.raises(ValueError, match="ends in a point and a number"):
        SessionMiddleware(nothing, session_cookie_name=name, **shared)


@pytest.mark.promise("OBJ-6")
@pytest.mark.parametrize("name", ["session.0", "session.01", "session.1000", "v1.session", "session1", "a.b"])
async def test_other_names_with_points_and_numbers_are_left_alone_by_a_neighbour(name: str) -> None:
    options: dict[str, Any] = {"store": CookieStore(), "encryption_key": KEY}
    neighbour = site(session_cookie_name=name, **options)
    browser = Browser(SessionMiddleware(neighbour, session_cookie_name="session", **options))
    await browser.get("/write", a="1")
    browser.plant("2~x", "session")
    browser.plant("x", "session.1")
    assert (await browser.get("/read")).json() == {"a": "1"}
    assert browser.cookie(name)
