"""What tests do with a page besides clicking: requests from inside the page, and the cookie jar."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Response

from e2e.server.server import Server

PATIENCE = 20_000
"""Milliseconds for a response; longer than any takes, shorter than for ever."""

REDIRECTS = (302, 303)
"""Either leads a browser from a form to the page after it."""

UNTOUCHED = "/lab/untouched"
"""A page that never looks at the session: a place to send requests from."""


@dataclass(frozen=True)
class Answer:
    """A response as it came over the wire, and its body as a script in the page got it."""

    status: int
    headers: Mapping[str, str]
    set_cookies: Sequence[str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def value(self) -> Any:
        return self.json["value"]


FETCH = """([method, path, form, patience]) =>
    fetch(path, {
        method,
        body: form && new URLSearchParams(form),
        redirect: form ? "manual" : "follow",
        cache: "no-store",
        signal: AbortSignal.timeout(patience),
    }).then(answer => answer.text())"""


def send(page: Page, method: str, path: str, form: Mapping[str, str] | None = None) -> Answer:
    """`fetch(path)` in the page, with the browser's cookies.

    The redirect that answers a form is left to whoever goes there next, with all that it has to show.
    """
    be_somewhere(page)
    with page.expect_response(lambda response: response.url.endswith(path)) as caught:
        text = page.evaluate(FETCH, [method, path, form, PATIENCE])
    response = caught.value
    return Answer(response.status, response.all_headers(), set_cookies(response), text)


def ask(page: Page, path: str) -> Any:
    """The JSON that `fetch(path)` gets in the page; takes half the time of `send`."""
    be_somewhere(page)
    return json.loads(page.evaluate(FETCH, ["GET", path, None, PATIENCE]))


def begin(page: Page, method: str, path: str) -> None:
    """Start a request and leave it on its way; `finish` waits for it. One at a time in each page."""
    begin_all(page, method, [path])


def finish(page: Page) -> int:
    """The status of the request that was begun."""
    (status,) = finish_all(page)
    return status


def give(page: Page, html: str) -> None:
    """Answer `UNTOUCHED` in the server's place. The demo's own pages let no script in, and no prefetch."""
    page.route(f"**{UNTOUCHED}", lambda route: route.fulfill(body=html, content_type="text/html"))


def begin_all(page: Page, method: str, paths: Sequence[str]) -> None:
    """Parallel requests, as parallel as the browser makes them (Chromium: six to a host)."""
    be_somewhere(page)
    page.evaluate(
        """([method, paths, patience]) => {
            const signal = AbortSignal.timeout(patience);
            window.begun = Promise.all(
                paths.map(path => fetch(path, {method, signal}).then(answer => answer.status))
            );
        }""",
        [method, paths, PATIENCE],
    )


def finish_all(page: Page) -> list[int]:
    """The statuses of the requests that were begun."""
    statuses: list[int] = page.evaluate("window.begun")
    return statuses


class Held:
    """A request that waits at a gate, and its answer once it was let go."""

    answer: Answer


@contextmanager
def held(page: Page, server: Server, method: str, path: str, gate: str) -> Iterator[Held]:
    """A request that has read its session when the block begins, and is answered at the block's end."""
    be_somewhere(page)
    request = Held()
    path = f"{path}{'&' if '?' in path else '?'}gate={gate}"
    with page.expect_response(lambda response: response.url.endswith(path)) as caught:
        page.evaluate(f"given => {{ window.held = ({FETCH})(given); }}", [method, path, None, PATIENCE])
        server.wait_at_gate(gate)
        yield request
        server.open_gate(gate)
    response, text = caught.value, page.evaluate("window.held")
    request.answer = Answer(response.status, response.all_headers(), set_cookies(response), text)


def get(page: Page, key: str, profile: str = "") -> Any:
    """A session value as the server sees it; does not extend or change anything else."""
    return ask(page, f"{profile}/lab/get/{key}")["value"]


def put(page: Page, key: str, value: str, profile: str = "") -> Answer:
    answer = send(page, "POST", f"{profile}/lab/set/{key}?value={value}")
    assert answer.status == 200
    return answer


def email(page: Page) -> str | None:
    """Who the server takes this browser for."""
    name: str | None = ask(page, "/whoami")["email"]
    return name


def log_in(page: Page, email: str = "ada@example.com", password: str = "correct", *, at: str = "") -> None:  # noqa: S107 - the demo's, for all to see
    """What the form on /login does, without its quarter of a second; `log_in_by_hand` is for tests of that.

    `at` is where the app is: a prefix, or the origin of another server if the page is there.
    """
    assert send(page, "POST", f"{at}/login", {"email": email, "password": password}).status in REDIRECTS
    page.goto(f"{at}/login")


def log_in_by_hand(page: Page, email: str, password: str, *, at: str = "") -> None:
    """Fill in the form on /login."""
    page.goto(f"{at}/login")
    page.locator("#email").fill(email)
    page.locator("#password").fill(password)
    page.locator("#login-button").click()


def set_cookies(response: Response) -> list[str]:
    """The response's `Set-Cookie` lines. Firefox joins several by a newline."""
    lines = (line["value"] for line in response.headers_array() if line["name"].lower() == "set-cookie")
    return [cookie for line in lines for cookie in line.split("\n")]


def jar(page: Page) -> dict[str, str]:
    """Name → value of the cookies that the browser would send now."""
    now = time.time()
    return {
        cookie.get("name", ""): cookie.get("value", "")
        for cookie in page.context.cookies()
        if not 0 <= cookie.get("expires", -1) <= now  # Firefox lists what has expired; -1 is no expiry
    }


def plant(page: Page, cookies: Mapping[str, str], path: str = "/") -> None:
    """Put cookies into the browser's jar that its own server did not set, or set longer ago."""
    be_somewhere(page)
    place = urlsplit(page.url)
    secure = place.scheme == "https"  # over https a browser does not let other cookies replace a secure one
    page.context.add_cookies(
        [
            {"name": name, "value": value, "domain": place.hostname or "", "path": path, "secure": secure}
            for name, value in cookies.items()
        ]
    )


def be_somewhere(page: Page) -> None:
    """Requests of a page go from a site."""
    if page.url == "about:blank":
        page.goto(UNTOUCHED)
