"""What `make bench` measures, and what it writes. How long anything takes is no matter here."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bench import device_binding, in_process, over_http, results
from bench.http_client import Crowd
from bench.settings import AT_ONCE
from bench.subjects import BARE, GROUPS, Group

COOKIE = next(group for group in GROUPS if group.name == "cookie")
OURS = COOKIE.subjects[0]


@pytest.mark.anyio
async def test_a_browser_in_the_process_sends_the_cookie_that_it_was_sent_last() -> None:
    sent: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        sent.append(dict(scope["headers"]).get(b"cookie", b""))
        cookie = (b"set-cookie", b"session=%d; Path=/" % len(sent))
        headers = [cookie] if len(sent) != 2 else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    browser = in_process.Browser(app)
    for _ in range(4):
        await browser.send("/write")
    assert sent == [b"", b"session=1", b"session=1", b"session=3"]


@contextmanager
def a_server(answer: bytes, requests: list[bytes]) -> Iterator[tuple[str, int]]:
    """Answers one connection after the other; the first `%d` is the number of the request."""

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            while request := connection.recv(65536):
                requests.append(request)
                text = answer % len(requests)
                connection.sendall(text[:20])  # in two parts, as a network may deliver it
                connection.sendall(text[20:])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield listening.getsockname()
        thread.join()


def test_a_browser_over_a_socket_does_so_too() -> None:
    requests: list[bytes] = []
    answer = (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: session=%d; Path=/\r\nvary: Cookie\r\n\r\nok"
    )
    with a_server(answer, requests) as address:
        crowd = Crowd(address, browsers=2, connections=1)
        try:
            crowd.all("/fill")
            crowd.all("/write")
            crowd.first("/write")
        finally:
            crowd.close()
    cookies = [request.partition(b"Cookie: ")[2].partition(b"\r\n")[0] for request in requests]
    assert cookies == [b"", b"", b"session=1", b"session=2", b"session=3"]


def test_an_answer_that_is_no_success_ends_the_run() -> None:
    with a_server(b"HTTP/1.1 503 Away %d\r\n\r\n", []) as address:
        crowd = Crowd(address, browsers=1, connections=1)
        try:
            with pytest.raises(RuntimeError, match="503"):
                crowd.all("/fill")
        finally:
            crowd.close()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_each_subject_is_measured_in_the_process() -> None:
    measured = await in_process.measure(COOKIE, "", browsers=3, burst=0.001)
    assert list(measured) == [BARE, *[subject.name for subject in COOKIE.subjects]]
    for paths in list(measured.values())[1:]:
        assert list(paths) == [
            f"{path} {mode}" for path in ("untouched", "read", "write") for mode in ("many", "one")
        ]
    assert OURS.name in results.shown("in process", COOKIE, measured)


def test_a_subject_is_measured_over_a_socket() -> None:
    measured = over_http.measure(Group("memory", (OURS,)), "", browsers=AT_ONCE, burst=0.01)
    assert list(measured[OURS.name]) == ["untouched", "read", "write"]
    assert all(numbers["cpu"] > 0 for paths in measured.values() for numbers in paths.values())


def test_the_page_has_the_numbers_that_were_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    page, drawn = tmp_path / "speed.md", tmp_path / "speed.svg"
    page.write_text(results.PAGE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(results, "PAGE", page)
    monkeypatch.setattr(results, "PICTURE", drawn)
    results.write_page(json.loads(results.NUMBERS.read_text("utf-8")))
    assert page.read_text("utf-8") == (results.ROOT / "docs" / "speed.md").read_text("utf-8")
    assert drawn.read_text("utf-8") == (results.ROOT / "docs" / "images" / "speed.svg").read_text("utf-8")


def test_the_cost_of_device_binding_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each request is answered with the status 200, else there is no number."""
    monkeypatch.setattr(device_binding, "BURSTS", 1)
    monkeypatch.setattr(device_binding, "REQUESTS", 3)
    device_binding.main()
    assert [line[:40].strip() for line in capsys.readouterr().out.splitlines()] == [
        "a read, the option off",
        "a read of a session that is not bound",
        "a read of a bound session",
        "a renewal, the request with the proof",
    ]
