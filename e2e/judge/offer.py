"""Ask a running server which of the protocol's routes it offers."""

import base64
import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from e2e.judge.needs import CONTROL, PROFILE
from e2e.judge.protocol import Route, protocol

PATIENCE = 10
"""Seconds for one answer."""
NOT_OFFERED = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
MOST_LINES = 10


class NotJudgeable(Exception):
    """The server does not do what everything else is asked by; the message says so in a few lines."""


@dataclass(frozen=True)
class Offer:
    """What a server answers, route by route."""

    url: str
    missing: tuple[str, ...]
    """Names of routes and profiles, in the order of the protocol"""

    @cached_property
    def count(self) -> tuple[int, int]:
        """Routes offered, and routes there could be."""
        routes = protocol().by_name
        return len(routes) - sum(name in routes for name in self.missing), len(routes)

    def lacks(self, needs: tuple[str, ...]) -> list[str]:
        """Those of a test's needs that the server does not meet."""
        return [need for need in needs if need in self.missing or need.startswith(CONTROL)]


def ask(url: str, *, fresh: bool = False) -> Offer:
    """Raises NotJudgeable if the server does not answer, or not even to the basics.

    With `fresh` also if it has been asked before: its gates are open then, and old outcomes are told.
    """
    if fresh and _has_been_judged(url):
        raise NotJudgeable(f"{url} has been judged before, and its gates are open. Start it anew.")
    wrong: dict[str, str] = {}
    for name in protocol().basics:
        status = _status(url, protocol().by_name[name])
        if status != HTTPStatus.OK:
            wrong[name] = "it is not there" if status in NOT_OFFERED else f"it answers {status}"
    if wrong:
        raise NotJudgeable(_explain(url, wrong))
    missing = [route.name for route in protocol().routes if _status(url, route) in NOT_OFFERED]
    a_write = protocol().by_name["POST /lab/set/{key}"]
    for profile in protocol().profiles:
        if _status(url, a_write, profile.prefix) in NOT_OFFERED:
            missing.append(f"{PROFILE}{profile.prefix}")
    return Offer(url, tuple(missing))


def _has_been_judged(url: str) -> bool:
    """Whether the gate is open that `ask` itself opens when it looks for the routes."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    try:
        connection.request("GET", protocol().by_name["POST /lab/gate/{name}"].example)
        told = json.loads(connection.getresponse().read())
        return isinstance(told, dict) and told.get("open") is True
    except ValueError:
        return False  # no JSON; what is wrong is told with the other routes
    except (OSError, http.client.HTTPException) as problem:
        raise NotJudgeable(f"{url} does not answer: {problem}") from problem
    finally:
        connection.close()


def _explain(url: str, wrong: Mapping[str, str]) -> str:
    lines = [f"{url} cannot be judged. These routes are needed for every test:"]
    lines += [f"  {name}: {what}" for name, what in wrong.items()]
    lines += ["docs/judge.md says what each of them does, and has an empty adapter to start from."]
    return "\n".join(lines[:MOST_LINES])


def _status(url: str, route: Route, prefix: str = "") -> int:
    """Of one request without cookies. Raises NotJudgeable if there is no answer."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=PATIENCE)
    headers = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}
    if "101" in route.answers:
        headers |= {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Origin": url,
        }
    body = None
    if route.form:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(route.form)
    try:
        connection.request(route.method, f"{prefix}{route.example}", body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as problem:
        raise NotJudgeable(f"{url} does not answer {route.name}: {problem}") from problem
    finally:
        connection.close()
