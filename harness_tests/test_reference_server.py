"""The demo's own routes, in process. What a real browser sees on real servers is checked in e2e/."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reference_server.app import create_app
from reference_server.lab import THREADS
from reference_server.pages import PASSWORD
from reference_server.profiles import PROFILES, profiles_of
from reference_server.settings import Settings

KEY = "a key for tests with 32 characters or more"
HTML = {"accept": "text/html"}
RIGHT = {"email": "ada@example.org", "password": PASSWORD}


@pytest.fixture(params=["memory:", "cookie:", "sqlite:"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url: str = request.param
    return f"sqlite:///{tmp_path}/sessions.db" if url == "sqlite:" else url


@pytest.fixture
def visitor(store: str, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(store=store, server="uvicorn", key=KEY, gates=tmp_path / "gates"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def second_browser(visitor: TestClient) -> TestClient:
    """A second browser at the same app, which the first one's context keeps alive."""
    return TestClient(visitor.app, raise_server_exceptions=False)


def text_of(page: str, element: str) -> str | None:
    """What a reader sees inside the element with this id, without its tags."""
    found = re.search(rf'<(\w+)[^>]* id="{element}"[^>]*>(.*?)</\1>', page, re.DOTALL)
    return None if found is None else " ".join(re.sub(r"<[^>]+>", " ", found[2]).split())


def heading(page: str) -> str:
    return re.sub(r"\s+", " ", page.partition("<h1>")[2].partition("</h1>")[0])


def log_in(visitor: TestClient, password: str = PASSWORD, email: str = "ada@example.org") -> str:
    return visitor.post("/login", data={"email": email, "password": password}).text


class TestPages:
    def test_the_counter_counts_and_read_does_not(self, visitor: TestClient) -> None:
        assert heading(visitor.get("/").text) == "You have visited this page 1 times"
        assert heading(visitor.get("/").text) == "You have visited this page 2 times"
        assert visitor.get("/read").json() == {"counter": 2}
        assert visitor.get("/read").json() == {"counter": 2}

    def test_reading_as_a_stranger_sets_no_cookie(self, visitor: TestClient) -> None:
        assert "set-cookie" not in visitor.get("/read").headers
        facts = visitor.get("/whoami").json()
        assert facts == {"email": None, "is_new": True, "expires_in": None, "signed_in_for": None}

    def test_a_wrong_password_is_counted_and_told_once(self, visitor: TestClient) -> None:
        log_in(visitor, "wrong")
        page = log_in(visitor, "wrong")
        assert text_of(page, "error") == "Incorrect username or password"
        assert text_of(page, "failed-login-attempts") == "Failed login attempts: 2"
        reloaded = visitor.get("/login").text
        assert text_of(reloaded, "error") is None
        assert text_of(reloaded, "failed-login-attempts") == "Failed login attempts: 2"

    def test_the_right_password_without_an_email_is_a_failed_attempt(self, visitor: TestClient) -> None:
        page = log_in(visitor, email="")
        assert text_of(page, "failed-login-attempts") == "Failed login attempts: 1"
        assert text_of(page, "logout-button") is None

    def test_a_login_forgets_the_failures_and_a_logout_everything(self, visitor: TestClient) -> None:
        log_in(visitor, "wrong")
        page = log_in(visitor)
        assert text_of(page, "message") == "Login Successful"
        assert text_of(page, "failed-login-attempts") is None
        assert text_of(page, "logout-button") == "Log out ada@example.org"
        assert visitor.get("/whoami").json()["email"] == "ada@example.org"
        answer = visitor.post("/logout")
        assert answer.url.path == "/login"
        assert [step.status_code for step in answer.history] == [303]
        assert text_of(answer.text, "login-button") == "Log in"
        assert visitor.get("/whoami").json()["email"] is None

    def test_the_login_is_the_home_page_of_its_own_address(self, visitor: TestClient) -> None:
        """hono-sessions' own browser test takes the base address and adds a slash."""
        assert text_of(visitor.get("/login/").text, "login-button") == "Log in"
        log_in(visitor)
        assert text_of(visitor.get("/login/").text, "logout-button") == "Log out ada@example.org"

    @pytest.mark.asvs("7.2.4")
    def test_a_login_of_somebody_who_is_signed_in_is_one_too(
        self, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log_in(visitor)
        before = visitor.cookies["session"]
        long_ago = time.time() - 1000
        monkeypatch.setattr(time, "time", lambda: long_ago)  # the session's clock, but not the page's
        log_in(visitor)
        assert visitor.cookies["session"] != before
        assert visitor.get("/whoami").json()["signed_in_for"] > 900

    def test_what_a_visitor_types_is_text_and_never_markup(self, visitor: TestClient) -> None:
        page = log_in(visitor, email="<i>ada</i>@example.org")
        assert "<i>" not in page
        assert "&lt;i&gt;ada" in page


class TestInspector:
    def test_it_tells_whether_this_response_sets_a_cookie(self, visitor: TestClient) -> None:
        for path in ("/login", "/", "/", "/login", "/lab"):
            answer = visitor.get(path)
            told = text_of(answer.text, "inspector-cookie")
            expected = (
                "This response sets a cookie: session" if "set-cookie" in answer.headers else "no cookie"
            )
            assert told is not None
            assert expected in told, path

    def test_it_shows_store_server_and_profile(self, visitor: TestClient, store: str) -> None:
        page = visitor.get("/short/").text
        assert text_of(page, "inspector-store") == store.partition(":")[0]
        assert re.fullmatch(r"uvicorn \d+\.\d+\.\d+", text_of(page, "inspector-server") or "")
        assert text_of(page, "inspector-profile") == "short"

    def test_it_never_shows_the_whole_id(self, visitor: TestClient, store: str) -> None:
        page = visitor.get("/").text
        cookie = visitor.cookies["session"]
        assert cookie not in page
        shown = text_of(page, "inspector-id")
        assert shown == ("none: it travels in the cookie" if store == "cookie:" else f"{cookie[:6]}…")

    def test_it_marks_flash_values_without_consuming_them(self, visitor: TestClient) -> None:
        visitor.post("/lab/flash", data={"value": "hello"})
        assert text_of(visitor.get("/").text, "inspector-keys") == "counter flash flash"
        assert visitor.get("/lab/flash").json() == {"value": "hello"}
        assert text_of(visitor.get("/").text, "inspector-keys") == "counter"


class TestLab:
    def test_values_are_set_read_and_forgotten(self, visitor: TestClient) -> None:
        visitor.post("/lab/set/colour", data={"value": "blue"})
        assert visitor.get("/lab/get/colour").json() == {"value": "blue"}
        assert visitor.get("/lab/all").json() == {"colour": "blue"}
        visitor.post("/lab/forget/colour")
        assert visitor.get("/lab/get/colour").json() == {"value": None}

    def test_lists_grow_in_place_and_by_function(self, visitor: TestClient) -> None:
        visitor.post("/lab/append/list?value=a")
        visitor.post("/lab/append/list?value=b")
        assert visitor.post("/lab/update/list?value=c").json()["value"] == ["a", "b", "c"]
        assert visitor.get("/lab/get/list").json() == {"value": ["a", "b", "c"]}
        assert visitor.post("/lab/increment/list").status_code == 409

    def test_a_form_comes_back_to_the_lab_and_says_what_it_did(self, visitor: TestClient) -> None:
        answer = visitor.post("/short/lab/set", data={"key": "colour", "value": "blue"}, headers=HTML)
        assert answer.url.path == "/short/lab"
        assert text_of(answer.text, "done") == "The value is set."

    def test_a_failing_handler_keeps_nothing_and_loses_no_flash(self, visitor: TestClient) -> None:
        visitor.post("/lab/flash?value=hello")
        failed = visitor.get("/lab/flash-then-fail", headers=HTML)
        assert failed.status_code == 500
        assert heading(failed.text) == "That failed"
        assert visitor.get("/lab/fail?key=doomed&value=x").status_code == 500
        assert visitor.get("/lab/all").json() == {"flash": "hello"}
        assert visitor.get("/lab/flash").json() == {"value": "hello"}
        assert visitor.get("/lab/all").json() == {}

    def test_a_logout_holds_though_its_page_fails(self, visitor: TestClient) -> None:
        for query, status in (("", 500), ("?status=503", 503)):
            log_in(visitor)
            failed = visitor.post(f"/lab/destroy-then-fail{query}", headers=HTML)
            assert failed.status_code == status
            assert email_of(visitor) is None

    @pytest.mark.parametrize(("status", "kept"), [(409, True), (499, True), (500, False), (503, False)])
    def test_an_error_page_keeps_a_change_below_500(
        self, visitor: TestClient, status: int, kept: bool
    ) -> None:
        form = {"status": str(status), "key": "colour", "value": "blue", "message": "Sorry."}
        refused = visitor.post("/lab/refuse", data=form, headers=HTML)
        assert refused.status_code == status
        assert ("is kept" in refused.text) is kept
        assert visitor.get("/lab/get/colour").json() == {"value": "blue" if kept else None}
        assert text_of(visitor.get("/login").text, "message") == ("Sorry." if kept else None)

    def test_only_an_error_is_a_status_to_refuse_with(self, visitor: TestClient) -> None:
        assert visitor.post("/lab/refuse/200").status_code == 400
        assert visitor.post("/lab/refuse/600").status_code == 400

    def test_the_lab_shows_a_flash_value_and_leaves_it(self, visitor: TestClient) -> None:
        visitor.post("/lab/flash?value=hello")
        for _ in range(2):
            page = visitor.get("/lab").text
            assert "hello" in page.partition('class="experiments"')[0]
            assert "flash, not read yet" in page
        visitor.get("/lab/flash")
        assert "flash, not read yet" not in visitor.get("/lab").text

    def test_a_session_is_cleared_and_begun_anew(self, visitor: TestClient) -> None:
        log_in(visitor)
        old = visitor.cookies["session"]
        visitor.post("/lab/clear", data={"key": "colour", "value": "blue"})
        assert visitor.get("/lab/all").json() == {"colour": "blue"}
        assert visitor.cookies["session"] != old
        visitor.post("/lab/clear")
        assert not visitor.cookies

    def test_another_dict_takes_its_place(self, visitor: TestClient) -> None:
        visitor.post("/lab/set/shape?value=round")
        visitor.post("/lab/replace", data={"key": "colour", "value": "blue"})
        assert visitor.get("/lab/all").json() == {"colour": "blue"}
        assert visitor.post("/lab/replace").status_code == 400
        visitor.post("/lab/replace-by-nothing")
        assert not visitor.cookies

    def test_a_template_prints_the_apps_own_keys(self, visitor: TestClient) -> None:
        log_in(visitor)
        page = visitor.get("/lab/names").text
        assert text_of(page, "printed-id") == ""
        assert text_of(page, "printed-owner") == "ada@example.org"
        visitor.post("/lab/set/id?value=mine")
        visitor.post("/lab/set/owner?value=mine")
        page = visitor.get("/lab/names").text
        assert text_of(page, "printed-id") == text_of(page, "printed-owner") == "mine"

    def test_what_is_saved_in_mid_request_is_there_for_others_and_for_itself(
        self, visitor: TestClient
    ) -> None:
        visitor.post("/lab/set/shape?value=round")
        saved = visitor.post("/lab/save/colour?value=blue").json()
        assert saved["values"] == {"shape": "round", "colour": "blue"}
        assert visitor.get("/lab/all").json() == {"shape": "round", "colour": "blue"}

    def test_threads_count_exactly(self, visitor: TestClient) -> None:
        assert visitor.post("/lab/threads").json()["value"] == THREADS
        assert visitor.post("/lab/threads").json()["value"] == 2 * THREADS

    def test_the_cart_is_a_session_of_its_own(self, visitor: TestClient) -> None:
        visitor.get("/")
        visitor.post("/lab/cart?item=apple")
        visitor.post("/lab/destroy")
        assert visitor.get("/lab/cart").json() == {"items": ["apple"]}
        visitor.get("/")
        visitor.post("/lab/cart/destroy")
        assert visitor.get("/lab/cart").json() == {"items": []}
        assert visitor.get("/read").json() == {"counter": 1}

    def test_a_page_that_never_looks_leaves_no_trace(self, visitor: TestClient) -> None:
        answer = visitor.get("/lab/untouched")
        assert "set-cookie" not in answer.headers
        assert "vary" not in answer.headers

    def test_large_values_come_back_whole(self, visitor: TestClient) -> None:
        visitor.post("/split/lab/large?bytes=6000")
        assert visitor.get("/split/lab/large").json() == {"length": 6000}
        assert visitor.post("/lab/large?bytes=many").status_code == 400

    @pytest.mark.parametrize("path", ["/lab/stream", "/lab/background"])
    @pytest.mark.parametrize("save", ["0", "1"])
    def test_a_late_change_is_saved_or_refused(
        self, visitor: TestClient, store: str, path: str, save: str
    ) -> None:
        visitor.get("/")
        method = "GET" if path == "/lab/stream" else "POST"
        visitor.request(method, f"{path}?save={save}&token=mine")
        kept = save == "1" and store != "cookie:"
        assert visitor.get("/lab/outcome/mine").json() == {"outcome": "saved" if kept else "LateChange"}
        assert visitor.get("/lab/get/late").json() == {"value": "changed" if kept else None}

    def test_a_refused_change_does_not_end_a_websocket(self, visitor: TestClient, store: str) -> None:
        visitor.get("/")
        with visitor.websocket_connect("/lab/ws") as socket:
            socket.receive_json()
            socket.send_json({"set": ["shape", "round"]})
            assert socket.receive_json() == {"error": "LateChange"}
            socket.send_json({"set": ["size", "large"], "save": True})
            refused = store == "cookie:"
            assert socket.receive_json() == ({"error": "LateChange"} if refused else {"ok": True})
        assert visitor.get("/lab/get/shape").json() == {"value": None}

    def test_a_websocket_can_begin_a_session(self, visitor: TestClient) -> None:
        with visitor.websocket_connect("/lab/ws?key=colour&value=blue") as socket:
            assert socket.receive_json() == {"keys": {"colour": "blue"}}
            cookie = dict[bytes, bytes](socket.extra_headers or [])[b"set-cookie"]
        visitor.headers["cookie"] = cookie.decode().partition(";")[0]
        assert visitor.get("/lab/get/colour").json() == {"value": "blue"}

    def test_a_websocket_reads_the_session_and_saves_to_it(self, visitor: TestClient, store: str) -> None:
        visitor.post("/lab/set/colour?value=blue")
        with visitor.websocket_connect("/lab/ws") as socket:
            assert socket.receive_json() == {"keys": {"colour": "blue"}}
            socket.send_json({"set": ["shape", "round"], "save": True})
            refused = store == "cookie:"
            assert socket.receive_json() == ({"error": "LateChange"} if refused else {"ok": True})
        assert visitor.get("/lab/get/shape").json() == {"value": None if refused else "round"}

    def test_a_websocket_reads_its_session_again(self, visitor: TestClient, store: str) -> None:
        visitor.post("/lab/set/colour?value=blue")
        with visitor.websocket_connect("/lab/ws") as socket:
            socket.receive_json()
            visitor.post("/lab/set/colour?value=green")
            socket.send_json({"refresh": True})
            kept_in_cookie = store == "cookie:"
            assert socket.receive_json() == {"keys": {"colour": "blue" if kept_in_cookie else "green"}}
            socket.send_json({"touch": True, "save": True})
            assert socket.receive_json() == ({"error": "LateChange"} if kept_in_cookie else {"ok": True})
            socket.send_json(["no", "message"])
            assert socket.receive_json() == {"error": "AttributeError"}


class TestGuardedLogin:
    def test_the_form_that_was_loaded_signs_in(self, visitor: TestClient) -> None:
        token = token_in(visitor.get("/lab/login").text)
        page = visitor.post("/lab/login", data={"csrf": token, **RIGHT}).text
        assert text_of(page, "logout-button") == "Log out ada@example.org"

    def test_the_form_says_why_it_failed_and_can_be_sent_again(self, visitor: TestClient) -> None:
        token = token_in(visitor.get("/lab/login").text)
        page = visitor.post("/lab/login", data={"csrf": token, **RIGHT, "password": "wrong"}).text
        assert text_of(page, "error") == "Incorrect username or password"
        assert token_in(visitor.get("/lab/login").text) == token

    @pytest.mark.parametrize("token", [{}, {"csrf": ""}, {"csrf": "guessed"}, {"csrf": "é"}])
    def test_a_form_from_elsewhere_is_refused(self, visitor: TestClient, token: dict[str, str]) -> None:
        visitor.get("/lab/login")
        assert visitor.post("/lab/login", data={**token, **RIGHT}).status_code == 403
        assert email_of(visitor) is None

    def test_a_visitor_without_a_session_is_refused(self, visitor: TestClient) -> None:
        assert visitor.post("/lab/login", data={"csrf": "", **RIGHT}).status_code == 403


class TestYourSessions:
    FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    EDGE = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0"
    )

    @pytest.fixture
    def store(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/sessions.db"

    def test_it_lists_the_browsers_that_a_user_is_signed_in_with(
        self, visitor: TestClient, second_browser: TestClient
    ) -> None:
        visitor.headers["user-agent"], second_browser.headers["user-agent"] = self.FIREFOX, self.EDGE
        log_in(visitor)
        log_in(second_browser)
        page = visitor.get("/sessions").text
        assert text_of(page, "browser-1") == "Edge 141 on Windows"
        assert text_of(page, "browser-2") == "Firefox 140 on Linux"
        assert [this for _, this in rows(page)] == [False, True]

    def test_a_stranger_is_asked_to_sign_in(self, visitor: TestClient) -> None:
        answer = visitor.get("/sessions")
        assert text_of(answer.text, "session-list") is None
        assert "set-cookie" not in answer.headers
        assert visitor.post("/sessions/end", data={"key": "x"}).status_code == 401
        assert visitor.post("/sessions/end-others").status_code == 401

    def test_another_of_ones_sessions_is_signed_out(
        self, visitor: TestClient, second_browser: TestClient
    ) -> None:
        log_in(visitor)
        log_in(second_browser)
        (other,) = (key for key, is_this in rows(visitor.get("/sessions").text) if not is_this)
        page = visitor.post("/sessions/end", data={"key": other}, headers=HTML).text
        assert text_of(page, "message") == "That session is signed out."
        assert [is_this for _, is_this in rows(page)] == [True]
        assert email_of(second_browser) is None
        assert email_of(visitor) == "ada@example.org"

    def test_ending_this_one_is_a_logout(self, visitor: TestClient) -> None:
        log_in(visitor)
        ((key, _),) = rows(visitor.get("/sessions").text)
        answer = visitor.post("/sessions/end", data={"key": key}, headers=HTML)
        assert answer.url.path == "/login"
        assert not visitor.cookies

    def test_all_others_are_signed_out_and_nobody_else(
        self, visitor: TestClient, second_browser: TestClient
    ) -> None:
        third, stranger = TestClient(visitor.app), TestClient(visitor.app)
        for client in (visitor, second_browser, third):
            log_in(client)
        log_in(stranger, email="eve@example.org")
        assert visitor.post("/sessions/end-others").json() == {"ok": True, "ended": 2}
        assert [email_of(client) for client in (visitor, second_browser, third, stranger)] == [
            "ada@example.org",
            None,
            None,
            "eve@example.org",
        ]

    def test_the_sessions_of_others_are_out_of_reach(
        self, visitor: TestClient, second_browser: TestClient
    ) -> None:
        log_in(visitor)
        log_in(second_browser, email="eve@example.org")
        ((key, _),) = rows(visitor.get("/sessions").text)
        assert [found for found, _ in rows(second_browser.get("/sessions").text)] != [key]
        assert second_browser.post("/sessions/end", data={"key": key}).status_code == 404
        assert email_of(visitor) == "ada@example.org"


def test_the_cookie_store_says_that_it_cannot_list_sessions(tmp_path: Path) -> None:
    app = create_app(Settings(store="cookie:", server="uvicorn", key=KEY, gates=tmp_path))
    visitor = TestClient(app)
    log_in(visitor)
    page = visitor.get("/sessions").text
    assert "the server keeps no list" in (text_of(page, "not-possible") or "")
    assert visitor.post("/sessions/end-others").status_code == 501


class TestElsewhere:
    def test_pages_lead_to_other_sites_without_a_session(self, visitor: TestClient) -> None:
        for path in ("/lab/frame?src=", "/lab/post-to?url="):
            answer = visitor.get(f"{path}https://other.test/a?b=1%26c")
            assert "https://other.test/a?b=1&amp;c" in answer.text
            assert "set-cookie" not in answer.headers

    def test_a_script_is_no_address(self, visitor: TestClient) -> None:
        assert visitor.get("/lab/frame?src=javascript:alert(1)").status_code == 400
        assert visitor.get("/lab/post-to?url=JavaScript:alert(1)").status_code == 400


class TestGates:
    def test_a_request_waits_until_its_gate_opens(self, visitor: TestClient) -> None:
        with ThreadPoolExecutor(1) as elsewhere:
            held = elsewhere.submit(visitor.get, "/read?gate=mine")
            eventually(
                lambda: visitor.get("/lab/gate/mine").json() == {"waiting": 1, "processes": 1, "open": False}
            )
            assert not held.done()
            visitor.post("/lab/gate/mine")
            assert held.result(timeout=5).json() == {"counter": 0}
        assert visitor.get("/lab/gate/mine").json() == {"waiting": 0, "processes": 0, "open": True}

    def test_a_name_that_is_no_file_name_is_refused(self, visitor: TestClient) -> None:
        assert visitor.get("/read?gate=../etc").status_code == 400
        assert visitor.get("/lab/gate/a.b").status_code == 400

    def test_no_session_is_looked_up_on_the_way_to_one(
        self, visitor: TestClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        # A session middleware that meets such a cookie says so, as the last request shows.
        garbage = {"cookie": "short=garbage"}
        visitor.post("/short/lab/gate/mine", headers=garbage)
        visitor.get("/short/lab/outcome/mine", headers=garbage)
        assert "ignored a cookie" not in caplog.text
        visitor.get("/short/read", headers=garbage)
        assert "ignored a cookie" in caplog.text


class TestProfiles:
    @pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
    def test_each_has_its_own_cookie_and_stays_on_its_paths(
        self, visitor: TestClient, store: str, profile: Any
    ) -> None:
        there = profiles_of(in_cookie=store == "cookie:")
        if profile not in there:
            assert visitor.get(f"{profile.prefix}/").status_code == 404
            return
        visitor.get(f"{profile.prefix}/")
        assert set(visitor.cookies) == {profile.cookie}
        answer = visitor.post(f"{profile.prefix}/login", data={"email": "ada@example.org", "password": "no"})
        assert answer.url.path == f"{profile.prefix}/login"
        others = [other for other in there if other is not profile]
        assert all(visitor.get(f"{other.prefix}/read").json() == {"counter": 0} for other in others)

    def test_cookies_for_https_have_what_browsers_ask_of_them(self, visitor: TestClient) -> None:
        host = visitor.get("https://testserver/host/").headers["set-cookie"]
        assert host.startswith("__Host-session=")
        assert "; Path=/;" in host
        assert host.endswith("; Secure")
        assert "Domain" not in host
        third_party = visitor.get("https://testserver/third-party/").headers["set-cookie"]
        assert {"SameSite=None", "Secure", "Partitioned"} <= set(third_party.split("; "))

    def test_a_prefix_without_its_slash_leads_to_the_counter(self, visitor: TestClient) -> None:
        assert heading(visitor.get("/sealed").text) == "You have visited this page 1 times"
        assert visitor.cookies["sealed"].startswith("Fe26.2")


class TestRootPath:
    def test_links_redirects_and_forms_stay_below_it(self, store: str, tmp_path: Path) -> None:
        app = create_app(
            Settings(store=store, server="uvicorn", key=KEY, gates=tmp_path / "gates", root_path="/shop")
        )
        visitor = TestClient(app)
        for path in ("/", "/login", "/sessions", "/lab", "/short/lab"):
            page = visitor.get(f"/shop{path}").text
            targets = re.findall(r'(?:href|action)="(/[^"]*)"', page)
            assert targets
            assert all(target.startswith("/shop/") for target in targets), path
        answer = visitor.post("/shop/login", data={"email": "ada@example.org", "password": PASSWORD})
        assert answer.url.path == "/shop/login"
        assert visitor.post("/shop/lab/gate/g", headers=HTML).url.path == "/shop/lab"
        assert visitor.get("/shop/short").url.path == "/shop/short/"


class TestCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            (["--server", "nosuch"], "unknown server 'nosuch'"),
            (["--store", "nosuch:"], "no store has this URL scheme"),
            (["--port", "70000"], "there is no port 70000"),
            (["--server", "granian", "--fd", "5"], "granian cannot inherit a listening socket"),
            (["--server", "daphne", "--workers", "2"], "daphne cannot run several workers"),
            (["--workers", "0"], "--workers is a number from 1"),
            (["--workers", "2"], "workers do not see each other's memory"),
            (["--server", "hypercorn-trio", "--store", "redis://localhost"], "hypercorn-trio runs on trio"),
            (["--root-path", "shop/"], "--root-path is a path like /shop"),
            (["--tls-cert", "cert.pem"], "--tls-cert and --tls-key go together"),
            (["--tls-cert", "/dev/null", "--tls-key", "/dev/null"], "cannot use the TLS certificate"),
        ],
    )
    def test_a_mistake_is_one_line_and_status_2(self, arguments: list[str], complaint: str) -> None:
        ended = subprocess.run(
            [sys.executable, "-m", "reference_server", *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert ended.returncode == 2
        assert ended.stdout == ""
        assert len(ended.stderr.splitlines()) == 1
        assert complaint in ended.stderr


def eventually(condition: Any, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def email_of(visitor: TestClient) -> Any:
    return visitor.get("/whoami").json()["email"]


def token_in(page: str) -> str:
    """The token that the login form brings along."""
    found = re.search(r'name="csrf" value="([\w-]+)"', page)
    assert found
    return found[1]


def rows(page: str) -> list[tuple[str, bool]]:
    """The keys of the sessions listed, and which of them is this one."""
    return [(key, bool(this)) for key, this in re.findall(r'<li data-key="(\w+)"( data-this)?>', page)]
