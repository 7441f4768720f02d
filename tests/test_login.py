"""A login that the app does not spell out: a change of owner, or of a key that says who is signed in."""

from __future__ import annotations

import datetime as dt
from typing import Any

import anyio
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, Gate, answer, own, site

from sessions import CookieStore, LateChange, MemoryStore, SessionMiddleware, Store
from sessions._middleware import LOGIN_KEYS

pytestmark = pytest.mark.anyio


async def log_in(request: Request) -> Response:
    """As an app does that knows of owners."""
    own(request).owner = request.query_params["user"]
    return answer()


async def facts(request: Request) -> Response:
    session = own(request)
    moment = session.authenticated_at
    return answer(
        {
            "data": dict(session),
            "owner": session.owner,
            "authenticated": moment and moment.timestamp(),
            "created": session.created_at and session.created_at.timestamp(),
        }
    )


async def reauthenticate(request: Request) -> Response:
    own(request).reauthenticate()
    return answer()


@pytest.mark.promise("SEC-3")
@pytest.mark.asvs("7.2.4")
class TestANewId:
    async def test_by_an_owner(self, store: Store) -> None:
        browser = Browser(site(log_in, facts, store=store))
        await browser.get("/write", cart="7")
        before = browser.cookie()
        await browser.get("/log_in", user="ada")
        assert browser.cookie() != before
        assert (await browser.get("/facts")).json()["data"] == {"cart": "7"}
        assert await Browser(browser.app).replayed(before) == {}

    @pytest.mark.parametrize("key", LOGIN_KEYS)
    @pytest.mark.parametrize("way", ["item", "update", "function", "setdefault", "flash"])
    async def test_by_a_login_key_however_it_is_set(self, store: Store, key: str, way: str) -> None:
        async def sign_in(request: Request) -> Response:
            session = own(request)
            if way == "item":
                session[key] = "ada"
            elif way == "update":
                session.update({key: "ada"})
            elif way == "function":
                session.update(key, lambda _: "ada")
            elif way == "setdefault":
                session.setdefault(key, "ada")
            else:
                session.flash(key, "ada")
            return answer()

        browser = Browser(site(sign_in, store=store))
        await browser.get("/write", cart="7")
        before = browser.cookie()
        await browser.get("/sign_in")
        assert browser.cookie() != before
        assert (await browser.get("/read")).json() == {"cart": "7", key: "ada"}
        assert await Browser(browser.app).replayed(before) == {}

    async def test_by_the_logout_that_removes_the_key(self, store: Store) -> None:
        async def sign_out(request: Request) -> Response:
            del request.session["user"]
            return answer()

        browser = Browser(site(sign_out, facts, store=store))
        await browser.get("/write", user="ada", cart="7")
        before = browser.cookie()
        await browser.get("/sign_out")
        assert browser.cookie() != before
        assert (await browser.get("/facts")).json()["authenticated"] is None
        assert await Browser(browser.app).replayed(before) == {}

    async def test_by_a_mapping_in_the_sessions_place(self, store: Store) -> None:
        async def replace(request: Request) -> Response:
            request.scope["session"] = {"user_id": 7}
            return answer()

        browser = Browser(site(replace, store=store))
        await browser.get("/write", cart="7")
        before = browser.cookie()
        await browser.get("/replace")
        assert browser.cookie() != before

    async def test_not_by_the_same_value_again(self, store: Store) -> None:
        browser = Browser(site(log_in, store=store))
        await browser.get("/write", user="ada")
        await browser.get("/log_in", user="ada")
        before = browser.cookie()
        assert not (await browser.get("/write", user="ada", cart="8")).set_cookies
        assert not (await browser.get("/log_in", user="ada")).set_cookies
        assert browser.cookie() == before
        assert (await browser.get("/read")).json() == {"user": "ada", "cart": "8"}

    async def test_not_by_other_keys_and_by_none_if_the_app_says_so(self, store: Store) -> None:
        async def sign_in(request: Request) -> Response:
            request.session.update({"user": "ada"})
            return answer()

        browser = Browser(site(sign_in, store=store, login_keys=()))
        await browser.get("/write", users="7")
        assert not (await browser.get("/sign_in")).set_cookies
        named = Browser(site(sign_in, store=store, login_keys=["member"]))
        await named.get("/write", cart="7")
        assert not (await named.get("/write", user="ada")).set_cookies
        assert (await named.get("/write", member="ada")).set_cookies

    async def test_a_failing_page_signs_nobody_in(self, store: Store) -> None:
        browser = Browser(site(log_in, facts, store=store))
        await browser.get("/write", cart="7")
        before = browser.cookie()
        await browser.get("/fail", user="ada")
        assert browser.cookie() == before
        seen = (await browser.get("/facts")).json()
        assert (seen["data"], seen["authenticated"]) == ({"cart": "7"}, None)

    async def test_a_login_after_the_start_of_the_response_is_refused(self, store: Store) -> None:
        errors: list[Exception] = []

        async def late(request: Request) -> Response:
            session = own(request)

            class Late(Response):
                async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                    await super().__call__(scope, receive, send)
                    for key in ("owner", "user"):
                        try:
                            if key == "owner":
                                session.owner = "ada"
                            else:
                                session[key] = "ada"
                            await session.save()
                        except LateChange as error:
                            errors.append(error)

            return Late()

        browser = Browser(site(late, facts, store=store))
        await browser.get("/write", cart="7")
        await browser.get("/late")
        assert len(errors) == 2
        seen = (await browser.get("/facts")).json()
        assert (seen["data"], seen["owner"]) == ({"cart": "7"}, None)

    @pytest.mark.parametrize("keys", ["user", [1], [None]])
    def test_login_keys_that_are_none_are_a_type_error(self, keys: Any) -> None:
        with pytest.raises(TypeError, match="login_keys"):
            SessionMiddleware(site(), MemoryStore(), login_keys=keys)


@pytest.mark.promise("SEC-3")
class TestFromOneOwnerToAnother:
    @pytest.mark.parametrize("sealed", [False, True])
    async def test_nothing_of_the_first_stays(self, store: Store, sealed: bool) -> None:
        async def switch(request: Request) -> Response:
            session = own(request)
            session["welcome"] = "Bob"
            session.increment("visits")
            session["cart"].append("of Ada")
            session.owner = "bob"
            session["theme"] = "dark"
            return answer(dict(session))

        options: dict[str, Any] = {"store": store}
        if sealed:
            options = {"store": CookieStore(), "encryption_key": KEY}
        browser = Browser(site(log_in, switch, facts, fill, **options))
        await browser.get("/log_in", user="ada")
        await browser.get("/fill")
        assert (await browser.get("/switch")).json() == {"welcome": "Bob", "theme": "dark"}
        seen = (await browser.get("/facts")).json()
        assert (seen["data"], seen["owner"]) == ({"welcome": "Bob", "theme": "dark"}, "bob")

    async def test_nor_what_another_request_writes_meanwhile(self, store: Store) -> None:
        gate = Gate()

        async def switch(request: Request) -> Response:
            own(request).owner = "bob"
            request.session["theme"] = "dark"
            await gate.wait()
            return answer()

        browser = Browser(site(log_in, switch, facts, store=store))
        await browser.get("/log_in", user="ada")
        await slow_beside(gate, browser, "/switch", "/write?secret=of+Ada")
        seen = (await browser.get("/facts")).json()
        assert (seen["data"], seen["owner"]) == ({"theme": "dark"}, "bob")

    async def test_nor_for_nobody(self, store: Store) -> None:
        async def sign_out(request: Request) -> Response:
            own(request).owner = None
            return answer()

        browser = Browser(site(log_in, sign_out, facts, fill, store=store))
        await browser.get("/log_in", user="ada")
        await browser.get("/fill")
        await browser.get("/sign_out")
        seen = (await browser.get("/facts")).json()
        assert (seen["data"], seen["owner"], seen["authenticated"]) == ({}, None, None)

    async def test_but_what_an_anonymous_visitor_has_collected_does(self, store: Store) -> None:
        browser = Browser(site(log_in, facts, store=store))
        await browser.get("/write", cart="7")
        await browser.get("/log_in", user="ada")
        seen = (await browser.get("/facts")).json()
        assert (seen["data"], seen["owner"]) == ({"cart": "7"}, "ada")


async def fill(request: Request) -> Response:
    own(request).update({"secret": "of Ada", "visits": 3, "cart": ["of Ada"], "welcome": "Ada"})
    own(request).flash("message", "Hello Ada")
    return answer()


async def slow_beside(gate: Gate, browser: Browser, slow: str, quick: str) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(browser.get, slow)
        await gate.arrival()
        await browser.copy().get(quick)
        gate.open()


@pytest.mark.promise("EXP-4")
@pytest.mark.asvs("7.3.2")
class TestAuthenticationTime:
    @pytest.mark.parametrize("url", ["/log_in?user=ada", "/write?user=ada", "/reauthenticate"])
    async def test_a_login_begins_the_absolute_timeout_anew(
        self, store: Store, clock: Clock, url: str
    ) -> None:
        """A cart of 50 minutes must not end the session ten minutes after the login."""
        browser = Browser(
            site(log_in, facts, reauthenticate, store=store, expire_after=3000, absolute_timeout=3600)
        )
        await browser.get("/write", cart="7")
        clock.go(2900)
        await browser.get(url)
        seen = (await browser.get("/facts")).json()
        assert seen["authenticated"] == seen["created"] == pytest.approx(clock.now, abs=0.001)
        clock.go(2900)
        assert (await browser.get("/facts")).json()["data"]["cart"] == "7"
        clock.go(701)
        assert (await browser.get("/facts")).json()["data"] == {}

    async def test_without_an_idle_timeout_too(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(log_in, facts, store=store, absolute_timeout=3600))
        await browser.get("/write", cart="7")
        clock.go(3500)
        await browser.get("/log_in", user="ada")
        clock.go(3500)
        assert (await browser.get("/facts")).json()["owner"] == "ada"
        clock.go(101)
        assert (await browser.get("/facts")).json()["owner"] is None

    async def test_with_the_cookie_store_too(self, clock: Clock) -> None:
        browser = Browser(site(log_in, facts, store=CookieStore(), encryption_key=KEY, absolute_timeout=3600))
        await browser.get("/write", cart="7")
        clock.go(3500)
        await browser.get("/log_in", user="ada")
        seen = (await browser.get("/facts")).json()
        assert seen["authenticated"] == pytest.approx(clock.now, abs=0.01)
        clock.go(3500)
        assert (await browser.get("/facts")).json()["owner"] == "ada"
        clock.go(101)
        assert (await browser.get("/facts")).json()["owner"] is None

    async def test_it_survives_what_is_no_login(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(log_in, facts, store=store))
        await browser.get("/log_in", user="ada")
        moment = clock.now
        clock.go(60)
        for url in ("/write?a=1", "/rotate", "/log_in?user=ada", "/increment"):
            await browser.get(url)
        assert (await browser.get("/facts")).json()["authenticated"] == pytest.approx(moment, abs=0.001)

    async def test_a_list_of_a_users_sessions_tells_it(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(log_in, reauthenticate, store=store))
        await browser.get("/log_in", user="ada")
        clock.go(60)
        await browser.get("/reauthenticate")
        (session,) = await store.sessions_of("ada")
        assert session.authenticated_at == dt.datetime.fromtimestamp(clock.now, dt.UTC)

    async def test_a_number_for_an_owner_is_no_change(self, store: Store) -> None:
        browser = Browser(site(facts, store=store))

        async def log_in_by_number(request: Request) -> Response:
            own(request).owner = 7
            return answer()

        browser = Browser(site(log_in_by_number, facts, store=store))
        await browser.get("/log_in_by_number")
        before = browser.cookie()
        await browser.get("/log_in_by_number")
        assert browser.cookie() == before


@pytest.mark.promise("ROT-6")
async def test_without_an_owner_the_login_keys_tell_who_logs_in_again(store: Store) -> None:
    """A first answer that was lost, and a second click."""
    browser = Browser(site(store=store))
    await browser.get("/write", cart="7")
    second = browser.copy()
    await browser.get("/write", user="ada")
    await second.get("/write", user="ada")
    assert second.cookie() == browser.cookie()
    assert (await second.get("/read")).json() == {"cart": "7", "user": "ada"}


@pytest.mark.promise("ROT-6")
async def test_somebody_else_with_the_old_id_begins_anew(store: Store) -> None:
    browser = Browser(site(store=store))
    await browser.get("/write", cart="7")
    other = browser.copy()
    await browser.get("/write", user="ada")
    await other.get("/write", user="mallory")
    assert (await other.get("/read")).json() == {"user": "mallory"}
    assert (await browser.get("/read")).json() == {"cart": "7", "user": "ada"}
