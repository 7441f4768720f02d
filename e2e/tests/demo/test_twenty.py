"""DEMO-3: twenty requests at once, exactly and naively, side by side."""

from collections.abc import Mapping

from playwright.sync_api import Page, expect

from e2e.browser.page import PATIENCE, jar
from e2e.promises import only, promise

pytestmark = only(server=["uvicorn", "hypercorn"], browser=["chromium", "firefox"], mode="http")

SENT = 20
LOST_AT_LEAST = 3
"""Of four requests that have read one number before any of them writes."""
ON_THE_SERVER = ["memory", "sqlite", "redis", "postgres", "sqlalchemy", "mariadb"]
FACTS = ("before", "sent", "answered", "cookies", "after", "lost")


def run(page: Page) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """What the page shows of the exact and of the naive requests once it is done."""
    button = page.get_by_role("button", name="Send twenty each way")
    button.click()
    expect(page.get_by_role("status")).to_contain_text("Done.", timeout=PATIENCE)
    expect(button).to_be_focused()
    exact, naive = (
        {name: int(page.locator(f"#{way}-{name}").inner_text()) for name in FACTS}
        for way in ("exact", "naive")
    )
    return exact, naive


def the_session_has(page: Page) -> dict[str, int]:
    page.goto("/lab/all")
    values: dict[str, int] = page.evaluate("JSON.parse(document.body.innerText)")
    return values


@only(store=ON_THE_SERVER)
@promise("DEMO-3", "CONC-2")
def test_none_of_the_exact_ones_is_lost_and_of_the_naive_ones_some_are(page: Page) -> None:
    arrived: list[str] = []
    page.on("request", lambda request: arrived.append(request.url) if "/twenty/" in request.url else None)
    page.goto("/lab/twenty")
    exact, naive = run(page)
    assert exact["before"] == exact["lost"] == 0
    assert exact["sent"] == exact["answered"] == exact["after"] == SENT
    assert naive["sent"] == naive["answered"] == SENT
    # Where this takes a second, one answer of all extends the newborn session.
    assert exact["cookies"] + naive["cookies"] <= 1
    assert naive["lost"] >= LOST_AT_LEAST
    assert naive["after"] == SENT - naive["lost"]
    for way in ("exact", "naive"):
        assert sum(f"/twenty/{way}" in url for url in arrived) == SENT
    again, _ = run(page)
    assert (again["before"], again["after"]) == (SENT, 2 * SENT)
    assert the_session_has(page)["twenty-exact"] == 2 * SENT


@only(store="cookie")
@promise("DEMO-3", "CONC-4")
def test_with_the_cookie_store_both_lose_and_the_page_says_so(page: Page) -> None:
    page.goto("/lab/twenty")
    for facts in run(page):
        assert facts["answered"] == facts["cookies"] == SENT
        assert facts["lost"] >= LOST_AT_LEAST
        assert facts["after"] == SENT - facts["lost"]
    expect(page.locator("#twenty-explained")).to_contain_text("With the cookie store both lose.")
    assert list(jar(page)) == ["session"]


@promise("DEMO-3", "DEMO-1")
def test_the_pages_script_runs_and_an_injected_one_does_not(page: Page) -> None:
    page.goto("/lab/twenty")
    expect(page.get_by_role("button", name="Send twenty each way")).to_be_visible()
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.text = "window.injected = true";
        document.body.append(script);
    }""")
    assert page.evaluate("window.injected") is None
