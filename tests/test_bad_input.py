"""BAD-1: whatever comes as a cookie, it is an anonymous request, and one log line that shows no secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from support import KEY, OTHER_KEY, Browser, Clock, answer, site

from sessions import CookieStore, MemoryStore
from sessions.iron import Sealer, seal

pytestmark = pytest.mark.anyio

CARRIERS: dict[str, Callable[[], dict[str, Any]]] = {
    "id": lambda: {"store": MemoryStore()},
    "sealed id": lambda: {"store": MemoryStore(), "encryption_key": KEY},
    "content": lambda: {"store": CookieStore(), "encryption_key": KEY},
    "shared content": lambda: {"store": CookieStore(shared_with="hono-sessions"), "encryption_key": KEY},
}


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def record(**fields: Any) -> str:
    return json.dumps({"_data": {}, "_expire": None, "_delete": False, "_accessed": None, **fields})


GARBAGE: dict[str, str] = {
    "empty": "",
    "a word": "hello",
    "almost an id": "A" * 42,
    "too long for an id": "A" * 44,
    "longer than browsers keep": "A" * 5_000,
    "very long": "A" * 100_000,
    "quoted": '"' + "A" * 43 + '"',
    "not ASCII": "é" * 43,
    "control characters": "\x01\x7f" * 20,
    "percent-encoded": "%00%0d%0aSet-Cookie:%20a=b",
    "JSON": '{"a":1}',
    "a path": "../../../../etc/passwd",
    "SQL": "' OR 1=1 --",
    "the beginning of a seal": "Fe26.2*",
    "an empty seal": "Fe26.2*******",
    "stars": "*" * 1_000,
    "a seal of nonsense": "Fe26.2**" + "*".join(["AAAA"] * 6),
    "another version": seal(record(), KEY).replace("Fe26.2", "Fe26.1"),
    "wrongly keyed": seal(record(_data={"a": {"value": "evil", "flash": False}}), OTHER_KEY),
    "wrongly keyed id": seal("A" * 43, OTHER_KEY),
    "an expired seal": seal(record(), KEY, ttl=1, now=1_000_000_000),
    "a seal of something else": seal({"a": 1}, KEY),
    "a seal of a number": seal(1, KEY),
    "a seal of null": seal(None, KEY),
    "a seal of a list": seal(["A" * 43], KEY),
    "a seal of a word": seal("hello", KEY),
    "a seal of no JSON": Sealer(KEY).seal(b"hunter2"),
    "a seal of bytes that are no text": Sealer(KEY).seal(b"\xff\xfe"),
    "a seal of nothing": Sealer(KEY).seal(b""),
    "a record in a record": seal(json.dumps(record()), KEY),
    "a record that is a list": seal("[]", KEY),
    "a record without data": seal("{}", KEY),
    "a record with data of another kind": seal(record(_data=[1]), KEY),
    "a record with bare values": seal(record(_data={"a": 1}), KEY),
    "a record with a flash that is a word": seal(record(_data={"a": {"value": 1, "flash": "yes"}}), KEY),
    "a record that expires never": seal(record(_expire="never"), KEY),
    "a record with a time without a zone": seal(record(_expire="2099-01-01T00:00:00"), KEY),
    "a record with a number as time": seal(record(_expire=1e12), KEY),
    "a record of the year 0": seal(record(_accessed="0000-01-01T00:00:00Z"), KEY),
    "a record nested deep": seal('{"_data":{"a":{"value":' + "[" * 50_000 + "]" * 50_000 + "}}}", KEY),
    "no count": "~abc",
    "a count alone": "3~",
    "missing pieces": "3~abc",
    "a count of nothing": "0~abc",
    "a count beyond all": "1000~abc",
    "a negative count": "-1~abc",
    "a count that is a word": "x~abc",
    "tildes": "~~~~",
}


@pytest.mark.promise("BAD-1")
@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.asvs("7.2.1")
async def test_garbage_is_an_anonymous_request_and_one_log_line(
    carrier: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser(site(**CARRIERS[carrier]()))
    browser.plant(GARBAGE[name])
    with caplog.at_level(logging.DEBUG, "sessions"):
        response = await browser.get("/read")
    assert (response.status, response.error) == (200, None)
    assert response.json() == {}
    assert all("; Max-Age=0; " in line for line in response.set_cookies)
    (line,) = [entry for entry in caplog.records if entry.name == "sessions"]
    text = line.getMessage()
    assert "'session'" in text
    assert line.exc_info is None
    assert len(text) < 200
    for secret in (GARBAGE[name], "hunter2", "evil", KEY, OTHER_KEY):
        assert len(secret) < 5 or secret not in text


@pytest.mark.promise("BAD-1")
@pytest.mark.parametrize("name", GARBAGE)
async def test_and_a_write_begins_a_session_that_works(carrier: str, name: str) -> None:
    browser = Browser(site(**CARRIERS[carrier]()))
    browser.plant(GARBAGE[name])
    assert (await browser.get("/write", a="1")).status == 200
    assert (await browser.get("/read")).json() == {"a": "1"}


async def set_up(browser: Browser) -> str:
    await browser.get("/write", name="hunter2", role="user")
    cookie = browser.cookie()
    assert cookie
    return cookie


@pytest.mark.promise("BAD-1")
async def test_one_changed_character_anywhere(carrier: str, caplog: pytest.LogCaptureFixture) -> None:
    browser = Browser(site(**CARRIERS[carrier]()))
    cookie = await set_up(browser)
    for place in range(0, len(cookie), 1 if len(cookie) < 300 else 7):
        for other in {"A", "b", "*", "~"} - {cookie[place]}:
            caplog.clear()
            tampered = cookie[:place] + other + cookie[place + 1 :]
            with caplog.at_level(logging.DEBUG, "sessions"):
                assert await Browser(browser.app).replayed(tampered) == {}
            assert len(caplog.records) == 1
            assert tampered not in caplog.text
            assert cookie not in caplog.text


@pytest.mark.promise("BAD-1")
async def test_truncated_prolonged_and_doubled(carrier: str) -> None:
    browser = Browser(site(**CARRIERS[carrier]()))
    cookie = await set_up(browser)
    wrong = [cookie[:length] for length in range(0, len(cookie), 1 + len(cookie) // 100)]
    wrong += [
        cookie[1:],
        cookie + "A",
        cookie + "=",
        cookie * 2,
        cookie.upper(),
        cookie[::-1],
        f"1~{cookie}x",
    ]
    for each in wrong:
        other = Browser(browser.app)
        other.plant(each)
        response = await other.get("/read")
        assert (response.status, response.json()) == (200, {})


@pytest.mark.promise("BAD-1")
async def test_duplicated(carrier: str, caplog: pytest.LogCaptureFixture) -> None:
    """Two of one name that are both alive: a subdomain may have planted one, and nobody can tell which."""
    browser = Browser(site(**CARRIERS[carrier]()))
    cookie = await set_up(browser)
    planted = await set_up(Browser(browser.app))
    response = await Browser(browser.app).request(
        "GET", "/read", headers={"cookie": f"session={planted}; a=b; session={cookie}"}
    )
    assert (response.status, response.json()) == (200, {})
    assert [entry.getMessage() for entry in caplog.records] == [
        "ignored a cookie 'session': it was sent with several values, and more than one opens a session"
    ]


@pytest.mark.promise("BAD-1")
@pytest.mark.asvs("7.2.1")
async def test_expired_and_unknown(carrier: str, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    browser = Browser(site(expire_after=100, **CARRIERS[carrier]()))
    cookie = await set_up(browser)
    clock.go(100)
    with caplog.at_level(logging.DEBUG, "sessions"):
        assert await Browser(browser.app).replayed(cookie) == {}
    (line,) = caplog.records
    assert "'session'" in line.getMessage()
    assert cookie not in line.getMessage()


@pytest.mark.promise("BAD-1")
async def test_in_a_websockets_handshake(carrier: str) -> None:
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json(dict(socket.session))
        await socket.close()

    client = TestClient(site(routes=[WebSocketRoute("/ws", talk)], **CARRIERS[carrier]()))
    with client.websocket_connect("/ws", headers={"cookie": "session=garbage"}) as socket:
        assert socket.receive_json() == {}


async def echo(request: Request) -> Response:
    return answer(sorted(request.session))


@pytest.mark.promise("BAD-1")
@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"\A[A-Za-z0-9_~*.=\"-]{0,60}\Z"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_it_is(value: str) -> None:
    async def send() -> None:
        for make in CARRIERS.values():
            browser = Browser(site(echo, **make()))
            header = {"cookie": f"session={value}"}
            response = await browser.request("GET", "/echo", headers=header)
            assert (response.status, response.text) == (200, "[]")

    anyio.run(send)


@pytest.mark.promise("BAD-1")
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["_data", "_expire", "_delete", "_accessed", "_created", "_owner", "a", "value"]
                ),
                inner,
            )
        ),
    )
)
@settings(deadline=None)
def test_whatever_somebody_with_the_key_sealed(value: Any) -> None:
    """Another app with the same key, say, or an older version of this one."""

    async def send() -> None:
        for make in CARRIERS.values():
            for content in (value, json.dumps(value)):
                browser = Browser(site(echo, **make()))
                browser.plant(seal(content, KEY))
                assert (await browser.get("/echo")).status == 200

    anyio.run(send)
