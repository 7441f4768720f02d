"""An empty adapter for `make judge`: copy it, and write each route with the session library that is to be judged.

`python judge_adapter.py 3000` serves it with nothing but Python. What steers the tests is written already: gates,
outcomes and the profiles. A route that stays `not_yet` answers 501, and is judged as not offered.
docs/judge.md says what each route does.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PROFILES = {
    "/short": ("short", 2),
    "/fixed": ("fixed", 2),
    "/absolute": ("absolute", 60),
    "/browser": ("browser", None),
    "/sealed": ("sealed", 1800),
    "/split": ("split", 1800),
    "/neighbour": ("session", 1800),
    "": ("session", 1800),
}
"""Prefix → the cookie's name and the idle timeout in seconds. Leave out those that the library cannot have."""
PATIENCE = 30
"""Seconds that a request waits at a gate."""

changed = threading.Condition()
"""Whoever looks at the gates or changes them holds it."""
opened: set[str] = set()
waiting: dict[str, int] = {}
outcomes: dict[str, str] = {}


@dataclass
class Request:
    """What a route is given."""

    prefix: str
    params: dict[str, str]
    """Query, form and the `{…}` of the path together"""
    cookies: str
    """The header as it came"""


@dataclass
class Answer:
    status: int = 200
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def as_json(**facts: Any) -> Answer:
    return Answer(200, json.dumps(facts), [("Content-Type", "application/json")])


def not_yet(request: Request) -> Answer:
    return Answer(501, "not written yet")


@contextmanager
def waited(request: Request) -> Iterator[None]:
    """Wait at the gate that the request names: to be entered once the session is loaded, before any change."""
    if name := request.params.get("gate"):
        with changed:
            waiting[name] = waiting.get(name, 0) + 1
            changed.wait_for(lambda: name in opened, PATIENCE)
            waiting[name] -= 1
    yield


def look_at_gate(request: Request) -> Answer:
    name = request.params["name"]
    with changed:
        return as_json(waiting=waiting.get(name, 0), open=name in opened)


def open_gate(request: Request) -> Answer:
    with changed:
        opened.add(request.params["name"])
        changed.notify_all()
    return as_json(ok=True)


def outcome(request: Request) -> Answer:
    return as_json(outcome=outcomes.get(request.params["token"]))


def untouched(request: Request) -> Answer:
    return Answer(200, "This page never looks at the session.\n")


def style(request: Request) -> Answer:
    return Answer(200, "body { font-family: sans-serif }", [("Content-Type", "text/css")])


ROUTES: dict[str, Callable[[Request], Answer]] = {
    "GET /lab/untouched": untouched,
    "GET /lab/gate/{name}": look_at_gate,
    "POST /lab/gate/{name}": open_gate,
    "GET /lab/outcome/{token}": outcome,
    "GET /static/{file}": style,
    "GET /whoami": not_yet,
    "GET /": not_yet,
    "GET /read": not_yet,
    "GET /login": not_yet,
    "POST /login": not_yet,
    "POST /logout": not_yet,
    "GET /sessions": not_yet,
    "POST /sessions/end": not_yet,
    "POST /sessions/end-others": not_yet,
    "GET /lab": not_yet,
    "GET /lab/all": not_yet,
    "GET /lab/get/{key}": not_yet,
    "POST /lab/set/{key}": not_yet,
    "POST /lab/forget/{key}": not_yet,
    "POST /lab/increment/{key}": not_yet,
    "POST /lab/append/{key}": not_yet,
    "POST /lab/update/{key}": not_yet,
    "POST /lab/save/{key}": not_yet,
    "GET /lab/flash": not_yet,
    "POST /lab/flash": not_yet,
    "GET /lab/flash-then-fail": not_yet,
    "GET /lab/fail": not_yet,
    "POST /lab/fail": not_yet,
    "POST /lab/refuse/{status}": not_yet,
    "POST /lab/refuse": not_yet,
    "POST /lab/destroy-then-fail": not_yet,
    "POST /lab/lifetime": not_yet,
    "POST /lab/touch": not_yet,
    "POST /lab/rotate": not_yet,
    "POST /lab/destroy": not_yet,
    "POST /lab/clear": not_yet,
    "POST /lab/replace": not_yet,
    "POST /lab/replace-by-nothing": not_yet,
    "GET /lab/large": not_yet,
    "POST /lab/large": not_yet,
    "GET /lab/stream": not_yet,
    "POST /lab/background": not_yet,
    "GET /lab/ws": not_yet,
    "POST /lab/threads": not_yet,
    "GET /lab/names": not_yet,
    "GET /lab/login": not_yet,
    "POST /lab/login": not_yet,
    "GET /lab/public": not_yet,
    "GET /lab/varying": not_yet,
    "GET /lab/anybodys": not_yet,
    "GET /lab/cart": not_yet,
    "POST /lab/cart": not_yet,
    "POST /lab/cart/rotate": not_yet,
    "POST /lab/cart/destroy": not_yet,
}


def find(method: str, path: str) -> tuple[Callable[[Request], Answer], dict[str, str]]:
    """The route of a path without its prefix, and the values of its `{…}`."""
    asked = path.split("/")
    for name, route in sorted(ROUTES.items(), key=lambda item: item[0].count("{")):
        its_method, _, its_path = name.partition(" ")
        parts = its_path.split("/")
        if its_method == method and len(parts) == len(asked):
            pairs = list(zip(parts, asked, strict=True))
            if all(part == value or part.startswith("{") for part, value in pairs):
                return route, {part.strip("{}"): value for part, value in pairs if part.startswith("{")}
    return (lambda request: Answer(404, "no such route")), {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        place = urlsplit(self.path)
        prefix = next((each for each in PROFILES if place.path.startswith(f"{each}/")), "")
        route, params = find(method, place.path.removeprefix(prefix))
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        params = dict(parse_qsl(place.query)) | dict(parse_qsl(form)) | params
        try:
            answer = route(Request(prefix, params, self.headers.get("Cookie", "")))
        except Exception as error:  # what a framework does with an exception that leaves a handler
            answer = Answer(500, type(error).__name__)
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body.encode())))
        self.end_headers()
        self.wfile.write(answer.body.encode())
        if (token := params.get("token")) and "key" not in params:
            outcomes[token] = "silent"  # the routes that change something late say themselves how they end

    def log_message(self, format: str, *args: object) -> None:
        """Only what goes wrong is worth a line."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 3000), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
