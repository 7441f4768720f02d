"""The demo is what people copy: what it refuses, and what its pages forbid the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from reference_server import attempts
from reference_server.app import create_app
from reference_server.pages import PASSWORD
from reference_server.settings import Settings

KEY = "a key for tests with 32 characters or more"
RIGHT = {"email": "ada@example.org", "password": PASSWORD}
TEMPLATES = Path(__file__).parent.parent / "reference_server" / "templates"

pytestmark = pytest.mark.promise("DEMO-1")


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(store="memory:", server="uvicorn", key=KEY, gates=tmp_path / "gates"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def email_of(visitor: TestClient) -> str | None:
    email: str | None = visitor.get("/whoami").json()["email"]
    return email


FROM_HERE: list[dict[str, str]] = [
    {},  # no browser
    {"sec-fetch-site": "same-origin", "origin": "null"},
    {"sec-fetch-site": "none"},
    {"origin": "http://testserver"},
    {"origin": "https://TESTSERVER"},  # a proxy ended TLS
]
FROM_ELSEWHERE: list[dict[str, str]] = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "origin": "http://testserver"},  # a sibling subdomain
    {"sec-fetch-site": "anything"},
    {"origin": "null"},
    {"origin": "https://other.test"},
    {"origin": "http://testserver.other.test"},
    {"origin": "http://testserver:8080"},
    {"origin": ""},
]


class TestOtherSites:
    @pytest.mark.parametrize("headers", FROM_HERE)
    def test_a_form_from_here_signs_in(self, visitor: TestClient, headers: dict[str, str]) -> None:
        visitor.post("/login", data=RIGHT, headers=headers)
        assert email_of(visitor) == "ada@example.org"

    @pytest.mark.parametrize("headers", FROM_ELSEWHERE)
    @pytest.mark.parametrize(
        "path", ["/login", "/logout", "/sessions/end-others", "/lab/set/colour", "/short/login"]
    )
    def test_a_form_from_elsewhere_is_refused_and_reaches_no_session(
        self, visitor: TestClient, headers: dict[str, str], path: str
    ) -> None:
        visitor.post("/login", data=RIGHT)
        refused = visitor.post(path, data={**RIGHT, "value": "blue"}, headers=headers)
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
        assert email_of(visitor) == "ada@example.org"
        assert visitor.get("/lab/get/colour").json() == {"value": None}

    @pytest.mark.parametrize("headers", FROM_ELSEWHERE)
    def test_a_link_from_elsewhere_leads_here(self, visitor: TestClient, headers: dict[str, str]) -> None:
        assert visitor.get("/login", headers=headers).status_code == 200

    @pytest.mark.parametrize("origin", ["https://other.test", "null", "http://testserver:8080"])
    def test_a_websocket_from_elsewhere_is_refused(self, visitor: TestClient, origin: str) -> None:
        visitor.post("/lab/set/colour?value=blue")
        with (
            pytest.raises(WebSocketDisconnect),
            visitor.websocket_connect("/lab/ws", headers={"origin": origin}),
        ):
            pass
        with visitor.websocket_connect("/lab/ws", headers={"origin": "http://testserver"}) as socket:
            assert socket.receive_json() == {"keys": {"colour": "blue"}}


SCRIPT_FILE = """<script src="{{ app_url('/static/twenty.js') }}" defer></script>"""
"""The demo's one script, which one page has."""


class TestHeaders:
    @pytest.mark.parametrize(
        "path",
        [*("/", "/login", "/sessions", "/lab", "/whoami", "/short/"), *("/no-such-page", "/static/demo.css"),
         *("/lab/gate/mine", "/lab/fail")],
    )  # fmt: skip
    def test_each_response_forbids_what_no_page_needs(self, visitor: TestClient, path: str) -> None:
        headers = visitor.get(path, headers={"accept": "text/html"}).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert policy["form-action"] == "'self'"
        assert "script-src" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"

    def test_the_one_page_with_a_script_allows_its_own_files_alone(self, visitor: TestClient) -> None:
        policy = visitor.get("/lab/twenty").headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)

    def test_only_the_profile_for_frames_may_be_framed(self, visitor: TestClient) -> None:
        answer = visitor.get("https://testserver/third-party/login")
        assert "frame-ancestors *" in answer.headers["content-security-policy"]

    def test_a_page_that_leads_elsewhere_may_do_that_alone(self, visitor: TestClient) -> None:
        for path, allowed in (("frame?src=", "frame-src"), ("post-to?url=", "form-action")):
            answer = visitor.get(f"/lab/{path}https://other.test:8443/a;b")
            assert f"; {allowed} https://other.test:8443" in answer.headers["content-security-policy"]
            assert "a;b" not in answer.headers["content-security-policy"]
            assert visitor.get(f"/lab/{path}https://other.test;default-src/").status_code == 400

    @pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda file: file.stem)
    def test_no_page_has_a_script_or_a_style_in_it(self, template: Path) -> None:
        text = template.read_text("utf-8")
        if template.stem == "twenty":
            assert text.count(SCRIPT_FILE) == 1
            text = text.replace(SCRIPT_FILE, "")
        assert not re.search(r"<(script|style)|\s(style|on\w+)=|javascript:", text, re.IGNORECASE)


class TestLogin:
    def test_a_password_in_an_address_signs_nobody_in(self, visitor: TestClient) -> None:
        visitor.post(f"/login?email=ada@example.org&password={PASSWORD}")
        visitor.post(f"/login?password={PASSWORD}", data={"email": "ada@example.org"})
        assert email_of(visitor) is None

    def test_a_key_in_an_address_ends_nothing(self, visitor: TestClient) -> None:
        visitor.post("/login", data=RIGHT)
        key = re.findall(r'data-key="(\w+)"', visitor.get("/sessions").text)[0]
        assert visitor.post(f"/sessions/end?key={key}").status_code == 400
        assert email_of(visitor) == "ada@example.org"

    @pytest.mark.parametrize("path", ["/", "/login", "/sessions", "/lab", "/lab/login", "/lab/names"])
    def test_each_signed_in_page_has_a_logout(self, visitor: TestClient, path: str) -> None:
        assert 'id="logout-button"' not in visitor.get(path).text
        visitor.post("/login", data=RIGHT)
        assert visitor.get(path).text.count('action="/logout"') == 1

    def guess(self, visitor: TestClient, times: int) -> None:
        for _ in range(times):
            visitor.cookies.clear()  # as whoever deletes the cookie, or sends the one from before
            visitor.post("/login", data={**RIGHT, "password": "wrong"})

    def test_who_guesses_is_stopped_whatever_the_cookie_says(
        self, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 1000.0
        monkeypatch.setattr(attempts, "time", SimpleNamespace(monotonic=lambda: now))
        self.guess(visitor, attempts.LIMIT - 1)
        visitor.post("/login", data=RIGHT)
        assert email_of(visitor) == "ada@example.org"
        self.guess(visitor, attempts.LIMIT)
        assert "Too many failed attempts" in visitor.post("/login", data=RIGHT).text
        assert email_of(visitor) is None
        visitor.post("/login", data={**RIGHT, "email": "bob@example.org"})
        assert email_of(visitor) == "bob@example.org", "only the account that is guessed at is closed"
        visitor.cookies.clear()
        now += attempts.PAUSE
        visitor.post("/login", data=RIGHT)
        assert email_of(visitor) == "ada@example.org"

    def test_what_is_counted_has_an_end(self) -> None:
        counted = attempts.Attempts()
        for number in range(attempts.MOST_ACCOUNTS + 10):
            for _ in range(attempts.LIMIT):
                counted.failed(str(number))
        assert not counted.is_closed("9")
        assert counted.is_closed("10")
