"""COOKIE: what a response tells the browser, and what is read of what the browser sends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from support import KEY, Browser, Clock, answer, attributes, own, site

from sessions import CookieOptions, CookieStore, InvalidCookie, MemoryStore, SessionMiddleware, Store
from sessions._cookie import Cookie

DAY = 24 * 60 * 60


async def nothing(*_: Any) -> None:
    """An app."""


# -- COOKIE-1 ----------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-1")
class TestOnlyWhenTheBrowserMustLearn:
    @pytest.mark.parametrize("encryption_key", [None, KEY])
    async def test_reads_and_later_writes_send_none(self, store: Store, encryption_key: str | None) -> None:
        browser = Browser(site(store=store, encryption_key=encryption_key, expire_after=3600))
        assert len((await browser.get("/write", a="1")).set_cookies) == 1
        for url in ("/untouched", "/read", "/keys", "/write?b=1", "/increment", "/read", "/no-such-page"):
            assert (await browser.get(url)).set_cookies == [], url

    async def test_without_expiry_too(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(store=store))
        assert len((await browser.get("/write", a="1")).set_cookies) == 1
        for _ in range(5):
            clock.go(2 * DAY)  # the store's retention moves, of which the browser learns nothing
            assert (await browser.get("/read")).set_cookies == []
        assert (await browser.get("/touch")).set_cookies == []
        assert (await browser.get("/read")).json() == {"a": "1"}

    @pytest.mark.parametrize("url", ["/rotate", "/destroy"])
    async def test_a_new_id_and_an_end_are_told_once(self, store: Store, url: str) -> None:
        browser = Browser(site(store=store))
        await browser.get("/write", a="1")
        assert len((await browser.get(url)).set_cookies) == 1
        assert (await browser.get("/read")).set_cookies == []

    async def test_a_moved_expiry_is_told(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(store=store, expire_after=100))
        await browser.get("/write", a="1")
        clock.go(50)
        assert len((await browser.get("/untouched")).set_cookies) == 1
        assert (await browser.get("/untouched")).set_cookies == []

    async def test_the_cookie_store_sends_new_content_only(self) -> None:
        browser = Browser(site(store=CookieStore(), encryption_key=KEY, expire_after=3600))
        assert len((await browser.get("/write", a="1")).set_cookies) == 1
        for url in ("/untouched", "/read", "/keys", "/message"):
            assert (await browser.get(url)).set_cookies == [], url
        assert len((await browser.get("/write", b="1")).set_cookies) == 1

    async def test_saving_before_the_response_is_told_once(self, store: Store) -> None:
        async def save(request: Request) -> Response:
            request.session["a"] = "1"
            await own(request).save()
            request.session["b"] = "1"
            await own(request).save()
            await own(request).save()
            return answer()

        browser = Browser(site(save, store=store))
        assert len((await browser.get("/save")).set_cookies) == 1
        assert (await browser.get("/save")).set_cookies == []


# -- COOKIE-2 ----------------------------------------------------------------------------------------


async def first_cookie(scheme: str = "http", **options: Any) -> dict[str, str]:
    browser = Browser(site(**options), scheme=scheme)
    (line,) = (await browser.get("/write", a="1")).set_cookies
    found = attributes(line)
    found.pop("value")
    return found


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-2")
class TestAttributes:
    async def test_by_default(self) -> None:
        assert await first_cookie() == {"name": "session", "path": "/", "httponly": "", "samesite": "Lax"}

    async def test_secure_whenever_the_request_came_over_https(self) -> None:
        expected = {"name": "session", "path": "/", "httponly": "", "samesite": "Lax", "secure": ""}
        assert await first_cookie("https") == expected
        assert await first_cookie(cookie_options={"secure": True}) == expected
        assert "secure" not in await first_cookie("https", cookie_options={"secure": False})

    async def test_each_option_is_in_the_cookie(self) -> None:
        options = CookieOptions(
            path="/shop",
            domain="example.org",
            same_site="none",
            secure=True,
            http_only=False,
            partitioned=True,
        )
        for given_as in (options, {name: getattr(options, name) for name in CookieOptions.__slots__}):
            assert await first_cookie(cookie_options=given_as, session_cookie_name="__Secure-s") == {
                "name": "__Secure-s",
                "path": "/shop",
                "domain": "example.org",
                "samesite": "None",
                "secure": "",
                "partitioned": "",
            }
        assert (await first_cookie(cookie_options={"same_site": "strict"}))["samesite"] == "Strict"

    @pytest.mark.parametrize("name", ["__Host-session", "__Secure-session", "__host-x", "__SECURE-x"])
    async def test_prefixed_cookies_are_always_secure(self, name: str) -> None:
        found = await first_cookie(session_cookie_name=name)
        assert (found["name"], found["secure"], found["path"]) == (name, "", "/")
        assert "domain" not in found


@pytest.mark.promise("COOKIE-2")
class TestWhatBrowsersReject:
    @pytest.mark.parametrize(
        "options",
        [
            {"same_site": "none"},
            {"same_site": "none", "secure": False},
            {"partitioned": True},
            {"partitioned": True, "secure": False},
            {"same_site": "Lax"},
            {"same_site": "sometimes"},
            {"path": ""},
            {"path": "shop"},
            {"path": "/a;b"},
            {"path": "/a\r\nSet-Cookie: x=y"},
            {"path": "/ä"},
            {"domain": ""},
            {"domain": "example.org; Path=/"},
            {"domain": "exa mple.org"},
            {"domain": "example.org\n"},
            {"colour": "green"},
            {"max_age": 5},
        ],
    )
    def test_is_a_value_error_at_construction(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            SessionMiddleware(nothing, MemoryStore(), cookie_options=options)
        if not {"colour", "max_age"} & set(options):
            with pytest.raises(ValueError, match=r"\w"):
                CookieOptions(**options)

    @pytest.mark.parametrize(
        "name", ["", "a b", "a=b", "a;b", "a,b", "a\n", 'a"b', "sé", "a\x00", "(a)", "a/b", "x" * 257]
    )
    def test_a_bad_name(self, name: str) -> None:
        with pytest.raises(ValueError, match="cookie name"):
            SessionMiddleware(nothing, MemoryStore(), session_cookie_name=name)

    @pytest.mark.parametrize("name", ["__Host-a", "__host-a", "__HOST-a"])
    @pytest.mark.parametrize("options", [{"domain": "example.org"}, {"path": "/a"}, {"secure": False}])
    def test_a_host_prefix_that_is_not_kept(self, name: str, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="__Host-"):
            SessionMiddleware(nothing, MemoryStore(), session_cookie_name=name, cookie_options=options)

    def test_a_secure_prefix_that_is_not_kept(self) -> None:
        options = {"secure": False}
        with pytest.raises(ValueError, match="__Secure-"):
            SessionMiddleware(
                nothing, MemoryStore(), session_cookie_name="__secure-a", cookie_options=options
            )
        SessionMiddleware(
            nothing, MemoryStore(), session_cookie_name="__Secure-a", cookie_options={"domain": "a.org"}
        )

    @pytest.mark.parametrize("name", ["expire_after", "absolute_timeout"])
    @pytest.mark.parametrize(
        "duration",
        [
            0,
            -1,
            400 * DAY + 1,
            float("nan"),
            float("inf"),
            dt.timedelta(0),
            dt.timedelta(days=400, seconds=1),
        ],
    )
    def test_a_max_age_over_400_days_or_under_nothing(self, name: str, duration: Any) -> None:
        with pytest.raises(ValueError, match=name):
            SessionMiddleware(nothing, MemoryStore(), **{name: duration})

    @pytest.mark.parametrize("duration", [400 * DAY, dt.timedelta(days=400), 0.001])
    def test_400_days_are_fine(self, duration: Any) -> None:
        SessionMiddleware(nothing, MemoryStore(), expire_after=duration, absolute_timeout=duration)

    @pytest.mark.parametrize("duration", ["60", True, [60]])
    def test_a_duration_of_another_type_is_a_type_error(self, duration: Any) -> None:
        with pytest.raises(TypeError, match="expire_after"):
            SessionMiddleware(nothing, MemoryStore(), expire_after=duration)

    @pytest.mark.parametrize("interval", [-1, 100, 101, float("nan")])
    def test_a_refresh_interval_that_is_not_below_the_timeout(self, interval: float) -> None:
        with pytest.raises(ValueError, match="refresh_interval"):
            SessionMiddleware(nothing, MemoryStore(), expire_after=100, refresh_interval=interval)


# -- COOKIE-3 ----------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-3")
class TestMaxAge:
    @pytest.mark.parametrize("kind", ["id", "content"])
    @pytest.mark.parametrize("duration", [2, 3600, dt.timedelta(days=400)])
    async def test_is_what_is_left_of_the_sessions_life(self, kind: str, duration: Any, clock: Clock) -> None:
        kept = MemoryStore() if kind == "id" else CookieStore()
        whole = int(dt.timedelta(seconds=duration).total_seconds() if duration in (2, 3600) else 400 * DAY)
        browser = Browser(
            site(
                store=kept,
                encryption_key=KEY,
                expire_after=duration,
                auto_extend_expiration=False,
            )
        )
        (line,) = (await browser.get("/write", a="1")).set_cookies
        assert attributes(line)["max-age"] == str(whole)
        clock.go(1)
        (line,) = (await browser.get("/rotate", a="2")).set_cookies
        assert attributes(line)["max-age"] == str(whole - 1)
        clock.go(0.25)
        (line,) = (await browser.get("/rotate", a="3")).set_cookies
        assert attributes(line)["max-age"] == str(whole - 1)  # whole seconds, rounded up: never too early

    async def test_the_earlier_of_both_timeouts_counts(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(store=store, expire_after=100, absolute_timeout=150))
        await browser.get("/write", a="1")
        clock.go(90)
        (line,) = (await browser.get("/read")).set_cookies
        assert attributes(line)["max-age"] == "60"

    async def test_without_expiry_it_ends_with_the_browser(self, store: Store) -> None:
        browser = Browser(site(store=store))
        for url in ("/write?a=1", "/rotate"):
            (line,) = (await browser.get(url)).set_cookies
            assert "max-age" not in attributes(line)
            assert "expires" not in attributes(line)

    async def test_browser_and_server_forget_together(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(store=store, expire_after=60, auto_extend_expiration=False))
        await browser.get("/write", a="1")
        thief = browser.copy()
        clock.go(59.9)
        assert browser.cookie()
        assert (await browser.get("/read")).json() == {"a": "1"}
        clock.go(0.1)
        assert browser.cookie() is None
        assert (await Browser(browser.app).replayed(thief.jar["session", "", "/"].value)) == {}


# -- COOKIE-4 ----------------------------------------------------------------------------------------

ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {"cookie_options": {"path": "/shop"}},
    {"cookie_options": {"domain": "example.org"}},
    {"cookie_options": {"same_site": "none", "secure": True, "partitioned": True, "http_only": False}},
    {"session_cookie_name": "__Host-session"},
    {"session_cookie_name": "__Secure-s", "cookie_options": {"same_site": "strict"}},
    {"store": CookieStore()},
]


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-4")
class TestRemoval:
    @pytest.mark.parametrize("options", ATTRIBUTES)
    @pytest.mark.parametrize("expire_after", [None, 60])
    @pytest.mark.parametrize("scheme", ["http", "https"])
    async def test_has_the_attributes_that_the_cookie_had(
        self, options: dict[str, Any], expire_after: float | None, scheme: str
    ) -> None:
        name = options.get("session_cookie_name", "session")
        app = site(encryption_key=KEY, expire_after=expire_after, **options)
        browser = Browser(app, scheme=scheme)
        (set_line,) = (await browser.get("/write", a="1")).set_cookies
        kept = attributes(set_line)
        request = {"cookie": f"{name}={kept['value']}"}
        (line,) = (await Browser(app, scheme=scheme).request("GET", "/destroy", headers=request)).set_cookies
        removed = attributes(line)
        assert removed.pop("value") == ""
        assert removed.pop("max-age") == "0"
        kept.pop("value")
        kept.pop("max-age", None)
        assert removed == kept

    async def test_empties_the_jar(self, store: Store) -> None:
        browser = Browser(site(store=store))
        await browser.get("/write", a="1")
        await browser.get("/destroy")
        assert browser.jar == {}

    async def test_happens_also_for_a_cookie_that_opens_nothing(self, store: Store) -> None:
        for garbage in ("A" * 43, "garbage"):
            browser = Browser(site(store=store))
            browser.plant(garbage)
            await browser.get("/destroy")
            assert browser.jar == {}

    async def test_is_not_sent_to_who_has_none(self, store: Store) -> None:
        assert (await Browser(site(store=store)).get("/destroy")).set_cookies == []

    async def test_not_when_a_new_session_was_begun(self, store: Store) -> None:
        async def restart(request: Request) -> Response:
            own(request).destroy()
            request.session["b"] = "2"
            own(request).rotate()
            return answer()

        browser = Browser(site(restart, store=store))
        await browser.get("/write", a="1")
        before = browser.copy()
        assert len((await browser.get("/restart")).set_cookies) == 1
        assert browser.cookie() != before.cookie()
        assert (await browser.get("/read")).json() == {"b": "2"}
        assert (await before.get("/read")).json() == {}


# -- COOKIE-5 ----------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-5")
class TestCaches:
    @pytest.mark.parametrize("url", ["/read", "/keys", "/write?a=1", "/increment", "/message", "/touch"])
    async def test_vary_is_on_what_looked_at_the_session(self, store: Store, url: str) -> None:
        browser = Browser(site(store=store))
        for _ in range(2):
            assert (await browser.get(url)).header("vary") == "Cookie"

    async def test_and_on_nothing_else(self, store: Store) -> None:
        browser = Browser(site(store=store))
        for _ in range(2):
            response = await browser.get("/untouched")
            assert response.header("vary") is None
            assert response.header("cache-control") is None
            await browser.get("/write", a="1")

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("Accept-Encoding", "Accept-Encoding, Cookie"),
            ("Accept, Origin", "Accept, Origin, Cookie"),
            ("cookie", "cookie"),
            ("Accept,COOKIE", "Accept,COOKIE"),
            ("*", "*"),
            ("X-Cookie", "X-Cookie, Cookie"),
        ],
    )
    async def test_vary_joins_what_the_app_says(self, before: str, after: str) -> None:
        async def vary(request: Request) -> Response:
            return answer(dict(request.session), headers={"Vary": before})

        assert (await Browser(site(vary)).get("/vary")).header("vary") == after

    async def test_vary_keeps_what_the_app_says_in_several_lines(self) -> None:
        async def vary(request: Request) -> Response:
            response = answer(dict(request.session), headers={"Vary": "Accept"})
            response.headers.append("Vary", "Origin")
            return response

        assert (await Browser(site(vary)).get("/vary")).header("vary") == "Accept, Origin, Cookie"

    async def test_a_response_with_the_cookie_is_for_no_shared_cache(self, store: Store) -> None:
        browser = Browser(site(store=store))
        for url in ("/write?a=1", "/rotate", "/destroy"):
            response = await browser.get(url)
            assert response.set_cookies
            assert response.header("cache-control") == "private"
        assert (await browser.get("/read")).header("cache-control") is None

    @pytest.mark.parametrize(
        ("name", "said", "sent"),
        [
            ("cache-control", "no-store", "no-store"),
            ("cache-control", "No-Store, max-age=0", "No-Store, max-age=0"),
            ("cache-control", "private", "private"),
            ("cache-control", "", "private"),
            ("cache-control", "public", "private"),
            ("cache-control", "public, max-age=60", "private, max-age=60"),
            (
                "cache-control",
                "max-age=60,S-MaxAge=600 , must-revalidate",
                "private, max-age=60, must-revalidate",
            ),
            ("cache-control", 'private="set-cookie, x", max-age=60', "private, max-age=60"),
            (
                "cache-control",
                'no-cache="a, public", max-age=60',
                'private, no-cache="a, public", max-age=60',
            ),
            ("cdn-cache-control", "max-age=60", "private, max-age=60"),
            ("cloudflare-cdn-cache-control", "public, max-age=60", "private, max-age=60"),
            ("surrogate-control", "max-age=60", "no-store"),
            ("edge-control", "cache-maxage=60s", "no-store"),
            ("x-accel-expires", "60", "0"),
            ("X-Accel-Expires", "@1900000000", "0"),
        ],
    )
    async def test_whatever_the_app_says_to_caches(self, name: str, said: str, sent: str) -> None:
        async def ruled(request: Request) -> Response:
            request.session["a"] = 1
            return answer(headers={name: said})

        response = await Browser(site(ruled)).get("/ruled")
        assert response.set_cookies
        assert response.header(name.lower()) == sent
        assert "private" in (response.header("cache-control") or "") or sent.lower().startswith("no-store")
        assert response.header("vary") == "Cookie"

    async def test_a_line_for_caches_that_is_said_twice_is_private_twice(self) -> None:
        async def ruled(request: Request) -> Response:
            request.session["a"] = 1
            response = answer(headers={"Cache-Control": "max-age=60"})
            response.headers.append("Cache-Control", "s-maxage=600")
            return response

        response = await Browser(site(ruled)).get("/ruled")
        assert response.all("cache-control") == ["private, max-age=60", "private"]

    async def test_an_extension_varies_though_nobody_looked(self, store: Store, clock: Clock) -> None:
        browser = Browser(site(store=store, expire_after=100))
        await browser.get("/write", a="1")
        clock.go(50)
        response = await browser.get("/untouched")
        assert response.set_cookies
        assert (response.header("vary"), response.header("cache-control")) == ("Cookie", "private")

    @pytest.mark.parametrize(
        ("rule", "cookies"), [("public, max-age=60", 0), ("private", 1), ("No-Store", 1), (None, 1)]
    )
    async def test_no_extension_rides_on_a_page_for_shared_caches(
        self, store: Store, clock: Clock, rule: str | None, cookies: int
    ) -> None:
        async def page(request: Request) -> Response:
            return answer(headers={"Cache-Control": rule} if rule else {})

        browser = Browser(site(page, store=store, expire_after=100))
        await browser.get("/write", a="1")
        clock.go(50)
        assert len((await browser.get("/page")).set_cookies) == cookies


# -- reading -----------------------------------------------------------------------------------------


def found(*lines: str, name: str = "session") -> str | None:
    headers = [(b"host", b"x"), *[(b"cookie", line.encode("latin-1")) for line in lines]]
    cookie = Cookie(name, CookieOptions()).find(headers)
    if cookie is not None and not cookie.value:
        raise InvalidCookie(cookie.fault or " or ".join(cookie.several))
    return None if cookie is None else cookie.value


class TestReading:
    @pytest.mark.parametrize(
        ("lines", "value"),
        [
            (["session=a"], "a"),
            (["session=a; session_cart=b"], "a"),
            (["session_cart=b; session=a"], "a"),
            (["xsession=b; session=a; session-x=c"], "a"),
            (["other=session; session=a"], "a"),
            (["session=a;other=b"], "a"),
            (["other=b;session=a"], "a"),
            ([" session=a ; other=b"], "a"),
            (["session=a=b"], "a=b"),
            (['session="a"'], '"a"'),
            (["session=a", "other=b"], "a"),
            (["other=b", "session=a"], "a"),
            (["other=b; x=c", "session=a; y=d"], "a"),
            (["session"], None),
            (["session_cart=b"], None),
            (["xsession=b"], None),
            (["Session=b"], None),
            (["other=session=b"], None),
            (["session.a=b"], None),
            (["session.0=b"], None),
            (["session.01=b; session=a"], "a"),
            (["sessions=b"], None),
            ([""], None),
            ([";;;=;="], None),
            ([], None),
        ],
    )
    @pytest.mark.promise("OBJ-6: names that look alike")
    def test_one_name_is_not_another(self, lines: list[str], value: str | None) -> None:
        assert found(*lines) == value

    @pytest.mark.promise("SEC-2")
    @pytest.mark.parametrize(
        ("lines", "values"),
        [
            (["session=a; session=b"], "a or b"),
            (["session=a", "session=b"], "a or b"),
            (["session=a; x=y; session=b; session=a"], "a or b"),
            (["session=1; session=2; session=3; session=4; session=5"], "1 or 2 or 3 or 4"),
            (["session=2~a; session.1=b; session=2~c; session.1=d"], "ab or cd or cb or ad"),
            (["session=2~a; session.1=b; session.1=c"], "ab or ac"),
            (["session=2~a; session.1=b; session=c"], "ab or c"),
        ],
    )
    def test_a_cookie_may_come_with_several_values(self, lines: list[str], values: str) -> None:
        with pytest.raises(InvalidCookie, match=f"^{values}$"):
            found(*lines)

    @pytest.mark.promise("SEC-2")
    @pytest.mark.parametrize(
        "lines",
        [
            ["session=a; session=a"],
            ["session=a", "session=a"],
            ["session=a; session="],
            ["session=3~x; session=a"],
            ["session=é; session=a"],
        ],
    )
    def test_equal_values_are_one_and_what_is_no_value_is_none(self, lines: list[str]) -> None:
        assert found(*lines) == "a"

    @pytest.mark.promise("SEC-4")
    def test_more_than_64_kilobytes_of_cookies_are_none(self) -> None:
        filler = "x=" + "y" * 4000
        assert found("session=a", *[filler] * 16) == "a"
        with pytest.raises(InvalidCookie, match="too large"):
            found("session=a", *[filler] * 17)
        with pytest.raises(InvalidCookie, match="too large"):
            found("session=a; " + "; ".join([filler] * 17))

    @pytest.mark.promise("SEC-4")
    def test_each_header_line_is_looked_at_twice_at_most(self) -> None:
        """Joining line after line took 5.7 s for 200,000 of them: each copied all that came before."""

        class Lines:
            looks = 0

            def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
                for _ in range(1000):
                    Lines.looks += 1
                    yield CountedCookie.name, CountedCookie(b"a")

        class CountedCookie(bytes):
            name = b"cookie"
            copied = 0

            def __add__(self, other: Any) -> bytes:
                CountedCookie.copied += 1
                return bytes.__add__(self, other)

            __radd__ = __add__

        assert Cookie("session", CookieOptions()).find(Lines()) is None
        assert Lines.looks <= 1002
        assert CountedCookie.copied == 0

    @pytest.mark.promise("BAD-1: of any form")
    @given(
        st.lists(
            st.text(st.characters(max_codepoint=255)) | st.binary().map(lambda raw: raw.decode("latin-1"))
        )
    )
    def test_whatever_is_sent_it_is_a_text_or_nothing_or_no_cookie(self, lines: list[str]) -> None:
        for prefix in ("", "session=", "session=2~", "x=y; session.1=a; session="):
            try:
                value = found(*[prefix + line for line in lines])
            except InvalidCookie as fault:
                assert " or " in str(fault) or str(fault) in (  # noqa: PT017
                    "its first piece is missing",
                    "it has the wrong form",
                    "a piece of it is missing",
                )
            else:
                assert value is None or value.isascii()

    @pytest.mark.promise("COOKIE-6")
    @given(
        st.text("abcABC019-_*.", min_size=1),
        st.lists(
            st.tuples(st.sampled_from(["xsession", "session_cart", "a", "SESSION", "s.1"]), st.text("ab="))
        ),
        st.data(),
    )
    def test_it_is_found_among_any_others(
        self, value: str, others: list[tuple[str, str]], data: st.DataObject
    ) -> None:
        pairs = data.draw(st.permutations([("session", value), *others]))
        assert found("; ".join(f"{name}={text}" for name, text in pairs)) == value
