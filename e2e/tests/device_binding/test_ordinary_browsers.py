"""BIND-4: a browser that binds nothing has an ordinary session, in an app that binds where it can."""

from playwright.sync_api import Page, expect

from e2e.browser.page import get, jar, log_in, put, send
from e2e.promises import only, promise
from e2e.tests.device_binding.owner import ADA, BOUND, proof_of, who

pytestmark = only(mode=["https", "bound"], browser=["chromium", "firefox"], server="uvicorn", store="sqlite")


@promise("BIND-4")
def test_it_logs_in_rotates_and_logs_out_as_ever(page: Page) -> None:
    log_in(page, at=BOUND)
    page.goto(f"{BOUND}/")
    expect(page.locator("#inspector-device")).to_contain_text("not bound")
    put(page, "colour", "green", BOUND)
    before = jar(page)["bound"]
    assert send(page, "POST", f"{BOUND}/lab/rotate").status == 200
    assert jar(page)["bound"] != before
    assert who(page) == ADA
    assert get(page, "colour", BOUND) == "green"
    assert proof_of(BOUND) not in jar(page)
    send(page, "POST", f"{BOUND}/logout")
    assert who(page) is None
