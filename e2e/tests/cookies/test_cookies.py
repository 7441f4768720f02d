"""COOKIE: what the browser is told, and what it keeps."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response

from e2e.browser.launch_options import engine_of
from e2e.browser.page import PATIENCE, begin_all, finish_all, get, jar, log_in, put, send, set_cookies
from e2e.browser.timeline import LAST, PACE, NewPage, Steps, on_the_timeline
from e2e.matrix.matrix import Cell
from e2e.promises import only, promise

ROOT_MAX_AGE = 30 * 60


def attributes(line: str) -> dict[str, str]:
    """Attribute in lower case → value, of a `Set-Cookie` line."""
    parts = (part.partition("=") for part in line.split("; ")[1:])
    return {name.lower(): value for name, _, value in parts}


NEWBORN = 1.0
"""Seconds for which a session that began is not extended."""


def only_extend(lines: Sequence[str], born: float, profile: str = "") -> bool:
    """Whether they say nothing, or once that the session ends later.

    That is news when a newborn session is a second old, as it is where a browser is slow, and enough for the
    next minute. /browser names no end. `born` is a moment of `time.monotonic()` before the session began.
    """
    if time.monotonic() - born < NEWBORN:
        return not lines
    ends = [attributes(line).get("max-age") for line in lines]
    if profile == "/browser":
        return ends in ([], [None])
    return len(ends) <= 1 and all(int(end or 0) > ROOT_MAX_AGE for end in ends)


@promise("COOKIE-1")
@pytest.mark.parametrize("profile", ["", "/sealed", "/browser"], ids=["root", "sealed", "browser"])
def test_a_response_that_only_reads_sets_no_cookie(page: Page, profile: str) -> None:
    born = time.monotonic()
    assert put(page, "colour", "green", profile).set_cookies
    paths = ("/lab/get/colour", "/lab/all", "/whoami", "/login", "/lab/untouched", "/no-such-page")
    lines = [line for path in paths for line in send(page, "GET", f"{profile}{path}").set_cookies]
    assert only_extend(lines, born, profile)


@promise("COOKIE-1: id")
def test_a_write_that_keeps_the_id_sets_no_cookie(page: Page) -> None:
    born = time.monotonic()
    put(page, "colour", "green")
    before = jar(page)
    assert only_extend(put(page, "colour", "blue").set_cookies, born)
    assert jar(page) == before
    assert get(page, "colour") == "blue"


READS = 20
AT_ONCE = 6
"""As many requests as Chromium has under way to one host over HTTP/1.1."""
DUE = NEWBORN + 0.1
"""Seconds after which the first extension of a session is worth a cookie."""

WAIT = """async ([gate, requests, patience]) => {
    const signal = AbortSignal.timeout(patience);
    while ((await (await fetch(gate, {signal})).json()).waiting < requests) {
        await new Promise(look => setTimeout(look, 5));
    }
    await fetch(gate, {method: "POST", signal});
}"""
"""Open the gate as soon as so many requests stand before it."""


@promise("COOKIE-1: id")
@on_the_timeline
def test_of_many_parallel_reads_one_tells_the_browser_of_the_extension(new_page: NewPage) -> Steps:
    page, gatekeeper = new_page(), new_page()
    put(page, "colour", "green")
    answers: list[Response] = []

    def note(answer: Response) -> None:  # Playwright cannot call `answers.append` itself
        answers.append(answer)

    page.on("response", note)
    yield DUE
    yield LAST
    # Each at an address of its own: Chromium asks for one address once at a time.
    begin_all(page, "GET", [f"/lab/get/colour?number={number}&gate=cookie-1" for number in range(READS)])
    gatekeeper.evaluate(WAIT, ["/lab/gate/cookie-1", AT_ONCE, PATIENCE])
    assert finish_all(page) == [200] * READS
    assert len([line for answer in answers for line in set_cookies(answer)]) == 1


@promise("COOKIE-2")
@only(mode="http")
def test_attributes_are_safe_by_default(page: Page) -> None:
    (line,) = put(page, "colour", "green").set_cookies
    found = attributes(line)
    assert found["path"] == "/"
    assert found["samesite"].lower() == "lax"
    assert "httponly" in found
    assert "secure" not in found, "over plain http the browser would refuse it"
    assert "domain" not in found
    assert page.evaluate("document.cookie") == ""


@promise("COOKIE-3")
def test_max_age_is_what_is_left_of_the_session(page: Page) -> None:
    (line,) = put(page, "colour", "green").set_cookies
    left = send(page, "GET", "/whoami").json["expires_in"]
    max_age = int(attributes(line)["max-age"])
    assert ROOT_MAX_AGE - 5 <= max_age <= ROOT_MAX_AGE
    assert abs(max_age - left) < 5


@promise("COOKIE-3")
def test_max_age_never_exceeds_the_absolute_timeout(page: Page, cell: Cell) -> None:
    (line,) = put(page, "colour", "green", "/absolute").set_cookies
    absolute = 3 * PACE[engine_of(cell.browser)]
    assert absolute - 1 <= int(attributes(line)["max-age"]) <= absolute


@promise("COOKIE-3")
def test_without_expiry_it_is_a_browser_session_cookie(page: Page) -> None:
    (line,) = put(page, "colour", "green", "/browser").set_cookies
    assert not {"max-age", "expires"} & attributes(line).keys()
    (cookie,) = page.context.cookies()
    assert cookie.get("expires") == -1


@promise("COOKIE-4")
@pytest.mark.parametrize("profile", ["", "/sealed", "/browser"], ids=["root", "sealed", "browser"])
def test_a_destroyed_session_leaves_nothing_in_the_jar(page: Page, profile: str) -> None:
    (born,) = put(page, "colour", "green", profile).set_cookies
    (died,) = send(page, "POST", f"{profile}/lab/destroy").set_cookies
    assert jar(page) == {}
    assert attributes(died)["max-age"] == "0"
    assert {**attributes(died), "max-age": ""} == {**attributes(born), "max-age": ""} | (
        {} if "max-age" in attributes(born) else {"max-age": ""}
    )


@promise("COOKIE-4")
def test_logging_out_empties_the_jar(page: Page) -> None:
    log_in(page)
    assert jar(page)
    page.locator("#logout-button").click()
    page.locator("#login-button").wait_for()
    assert jar(page) == {}


@promise("COOKIE-5")
def test_caches_learn_that_the_response_depends_on_the_cookie(page: Page) -> None:
    assert "cookie" in send(page, "GET", "/lab/get/colour").headers["vary"].lower()
    assert "cookie" not in send(page, "GET", "/lab/untouched").headers.get("vary", "").lower()
    written = put(page, "colour", "green")
    assert "cookie" in written.headers["vary"].lower()
    assert re.search(r"private|no-store", written.headers["cache-control"])


@promise("COOKIE-5")
def test_a_response_that_sets_the_cookie_is_private_whatever_the_app_says(page: Page) -> None:
    answer = send(page, "GET", "/lab/public")
    assert answer.set_cookies
    assert answer.headers["cache-control"] == "private, max-age=60"


@promise("COOKIE-5")
def test_else_the_apps_own_cache_control_is_left_alone(page: Page) -> None:
    put(page, "colour", "green")
    for path, vary in (("/lab/varying", "Cookie"), ("/lab/anybodys", None)):
        headers = send(page, "GET", path).headers
        assert (headers["cache-control"], headers.get("vary")) == ("public, max-age=60", vary)


@promise("COOKIE-6: id")
def test_the_cookie_holds_the_id_and_nothing_else(page: Page) -> None:
    put(page, "colour", "green")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", jar(page)["session"])


@promise("COOKIE-6")
def test_with_an_encryption_key_it_is_sealed(page: Page) -> None:
    put(page, "colour", "green", "/sealed")
    assert re.fullmatch(r"Fe26\.2\*[^*]*(\*[A-Za-z0-9_-]*){6}", jar(page)["sealed"])
    assert get(page, "colour", "/sealed") == "green"


@promise("COOKIE-6: id")
@only(store=["sqlite", "sqlalchemy"])
def test_the_store_never_holds_the_id(page: Page, folder: Path) -> None:
    put(page, "colour", "stolen-database")
    session_id = jar(page)["session"].encode()
    stored = [file.read_bytes() for file in folder.glob("sessions.db*")]
    assert any(b"stolen-database" in content for content in stored), "this is the database"
    assert not any(session_id in content for content in stored)


@promise("COOKIE-1")
def test_pages_beside_the_session_set_no_cookie(page: Page) -> None:
    page.goto("/")
    with page.expect_response("**/static/*.css") as style:
        page.goto("/lab")
    assert set_cookies(style.value) == []
