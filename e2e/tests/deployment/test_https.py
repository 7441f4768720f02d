"""What only https shows: Secure, __Host-, cookies across sites and in frames, HTTP/2.

Behind a proxy the server itself speaks plain http, and knows from a header that the browser does not.
"""

import json

from playwright.sync_api import FrameLocator, Page, expect

from e2e.browser.page import begin_all, email, finish_all, get, jar, log_in, put, send
from e2e.promises import only, promise
from e2e.server.proxied_server import PROXIES
from e2e.server.server import Server
from e2e.tests.changes.test_concurrency import WRITERS
from e2e.tests.cookies.test_cookies import attributes

pytestmark = only(mode=["https", *PROXIES])

# Whichever server sends it, a cookie is the same to the browser.
once = only(server="uvicorn", mode="https")


def on(host: str, server: Server) -> str:
    """The same server under another name, which makes it another site."""
    return server.url.replace("127.0.0.1", host)


@promise("COOKIE-2")
def test_the_cookie_is_secure_over_https(page: Page) -> None:
    (line,) = put(page, "colour", "green").set_cookies
    assert {"secure", "httponly"} <= attributes(line).keys()
    (cookie,) = page.context.cookies()
    assert cookie.get("secure") is True
    assert get(page, "colour") == "green"


@promise("COOKIE-2", "COOKIE-4")
def test_a_cookie_with_the_host_prefix_is_kept_and_removed(page: Page) -> None:
    (line,) = put(page, "colour", "green", "/host").set_cookies
    assert line.startswith("__Host-session=")
    assert jar(page).keys() == {"__Host-session"}, "a browser refuses the prefix without its conditions"
    assert get(page, "colour", "/host") == "green"
    send(page, "POST", "/host/lab/destroy")
    assert jar(page) == {}


@once
@promise("COOKIE-2")
def test_another_sites_form_posts_without_the_cookie_and_its_link_brings_it(
    page: Page, server: Server
) -> None:
    log_in(page)
    expect(page.locator("#logout-button")).to_be_visible()
    for what, arrives in (("#post-button", []), ("#link", ["session"])):
        page.goto(f"{on('localhost', server)}/lab/post-to?url={server.url}/lab/arrived")
        page.locator(what).click()
        expect(page.locator("body")).to_contain_text("cookies")
        assert json.loads(page.locator("body").inner_text()) == {"cookies": arrives}


def framed(page: Page, host: str, server: Server) -> FrameLocator:
    """The counter of /third-party, in a frame on a page of another site."""
    page.goto(f"{on(host, server)}/lab/frame?src={server.url}/third-party/")
    return page.frame_locator("#frame")


def shows(frame: FrameLocator | Page, visits: int) -> None:
    expect(frame.get_by_role("heading", level=1)).to_have_text(f"You have visited this page {visits} times")


@once
@promise("COOKIE-2")
def test_a_partitioned_cookie_lives_in_a_frame_and_there_alone(page: Page, server: Server) -> None:
    shows(framed(page, "localhost", server), 1)
    shows(framed(page, "localhost", server), 2)
    page.goto(f"{server.url}/third-party/")
    shows(page, 1)
    shows(framed(page, "localhost", server), 3)


@once
@only(browser=["chromium", "chromium-full"])  # other browsers cannot be told where *.test is
@promise("COOKIE-2")
def test_each_site_that_embeds_it_has_a_partition_of_its_own(page: Page, server: Server) -> None:
    shows(framed(page, "one.test", server), 1)
    shows(framed(page, "one.test", server), 2)
    shows(framed(page, "two.test", server), 1)
    shows(framed(page, "one.test", server), 3)


@once
@promise("COOKIE-2")
def test_an_ordinary_cookie_stays_out_of_a_frame(page: Page, server: Server) -> None:
    log_in(page)
    for host, arrives in ((on("localhost", server), []), (server.url, ["session"])):
        page.goto(f"{host}/lab/frame?src={server.url}/lab/arrived")
        body = page.frame_locator("#frame").locator("body")
        expect(body).to_contain_text("cookies")
        assert json.loads(body.inner_text()) == {"cookies": arrives}
    assert email(page.context.new_page()) == "ada@example.com"


def protocols(page: Page) -> set[str]:
    found: list[str] = page.evaluate(
        "performance.getEntries().filter(entry => entry.nextHopProtocol).map(entry => entry.nextHopProtocol)"
    )
    return set(found)


@promise("SAVE-1: over HTTP/2")
def test_the_next_request_sees_the_change_over_http_2(page: Page) -> None:
    page.goto("/lab/untouched")
    for number in range(5):
        put(page, "number", str(number))
        assert get(page, "number") == str(number)
    assert protocols(page) == {"h2"}


@promise("CONC-1: over HTTP/2")
def test_all_parallel_writers_are_under_way_at_once_over_http_2(page: Page, server: Server) -> None:
    put(page, "before", "kept")
    keys = [f"key-{number}" for number in range(WRITERS)]
    begin_all(page, "POST", [f"/lab/set/{key}?value={key}&gate=conc-1-h2" for key in keys])
    server.wait_at_gate("conc-1-h2", WRITERS)
    server.open_gate("conc-1-h2")
    assert finish_all(page) == [200] * WRITERS
    assert send(page, "GET", "/lab/all").json == {"before": "kept"} | {key: key for key in keys}
