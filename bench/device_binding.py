"""`python -m bench.device_binding`: what device binding adds to a request, and what a renewal takes.

Bursts of requests with the option off, and with it on for a session that is not bound and for one that is,
take turns in one process, without a socket. The store is in memory.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from bench.settings import REFRESH_INTERVAL, TWO_WEEKS
from sessions import DeviceBinding, MemoryStore, SessionMiddleware
from sessions.testing import BoundBrowser

BURSTS: Final = 60
REQUESTS: Final = 500
"""In each burst."""

Scope = dict[str, Any]


async def _log_in(request: Request) -> Response:
    request.session["n"] = 1
    request.session.owner = "ada"  # type: ignore[attr-defined]
    return Response()


async def _read(request: Request) -> Response:
    return JSONResponse({"n": request.session["n"]})


def _app(binding: DeviceBinding | None) -> SessionMiddleware:
    routes = [Route("/login", _log_in), Route("/read", _read)]
    return SessionMiddleware(
        Starlette(routes=routes),
        MemoryStore(),
        expire_after=TWO_WEEKS,
        refresh_interval=REFRESH_INTERVAL,
        device_binding=binding,
    )


def _scope(path: str, cookies: str, method: str = "GET", *headers: tuple[bytes, bytes]) -> Scope:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "scheme": "https",
        "http_version": "1.1",
        "server": ("testserver", 443),
        "headers": [(b"host", b"testserver"), (b"cookie", cookies.encode()), *headers],
    }


async def _status_of(app: SessionMiddleware, scope: Scope) -> int:
    statuses = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app({**scope}, None, send)
    status: int = statuses[0]
    return status


def _logged_in(app: SessionMiddleware, *, binds: bool) -> tuple[str, BoundBrowser]:
    """The cookies of a browser that has logged in, and the browser."""
    client = TestClient(app, base_url="https://testserver")
    browser = BoundBrowser(client)
    (browser if binds else client).get("/login")
    assert bool(browser.bonds) == binds
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar), browser


async def _microseconds(runs: dict[str, tuple[SessionMiddleware, Scope]]) -> dict[str, float]:
    """Of one request each: the median of bursts that take turns."""
    bursts: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(BURSTS):
        for name, (app, scope) in runs.items():
            began = time.process_time()
            for _ in range(REQUESTS):
                assert await _status_of(app, scope) == 200
            bursts[name].append((time.process_time() - began) / REQUESTS * 1e6)
    return {name: median(each) for name, each in bursts.items()}


def _renewal(app: SessionMiddleware, cookies: str, browser: BoundBrowser) -> Scope:
    """The request that shows a proof: the same one is good as long as its challenge is."""
    (bond,) = browser.bonds
    identifier = {"Sec-Secure-Session-Id": bond.id}
    asked = browser.client.post(bond.refresh_url, headers=identifier)  # type: ignore[attr-defined]
    challenge = asked.headers["secure-session-challenge"].split('"')[1]
    headers = ((b"sec-secure-session-id", bond.id.encode()),)
    proof = ((b"secure-session-response", bond.key.proof(challenge).encode()),)
    return _scope(DeviceBinding().path, cookies, "POST", *headers, *proof)


def main() -> None:
    off, on = _app(None), _app(DeviceBinding())
    without, _ = _logged_in(off, binds=False)
    unbound, _ = _logged_in(on, binds=False)
    bound, browser = _logged_in(on, binds=True)
    runs = {
        "a read, the option off": (off, _scope("/read", without)),
        "a read of a session that is not bound": (on, _scope("/read", unbound)),
        "a read of a bound session": (on, _scope("/read", bound)),
        "a renewal, the request with the proof": (on, _renewal(on, bound, browser)),
    }
    for name, each in asyncio.run(_microseconds(runs)).items():
        print(f"{name:<40} {each:6.1f} µs")


if __name__ == "__main__":
    main()
