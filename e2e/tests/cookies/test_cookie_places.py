"""COOKIE-2: a cookie whose `Domain` or `Path` depends on the request, as docs/tenants.md shows it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

from e2e.promises import only, promise
from e2e.tests.login.test_signed_in_context import running

PAGE = (Path(__file__).parents[3] / "docs" / "tenants.md").read_text("utf-8")

# The recipes bring their own server and store. WebKit cannot be told where *.test is.
pytestmark = only(server="uvicorn", store="sqlite", mode="http", browser=["chromium", "firefox"])

NewContext = Callable[..., BrowserContext]


def app_of(file: str) -> Any:
    (block,) = re.findall(rf"^```python\n# {re.escape(file)}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(block, names)  # noqa: S102 (it is ours)
    return names["app"]


@promise("COOKIE-2", "COOKIE-4")
def test_the_hosts_of_a_family_share_a_session_and_others_have_their_own(new_context: NewContext) -> None:
    with running(app_of("hosts.py")) as url:
        page = new_context(base_url=url).new_page()

        def visit(host: str, path: str = "/") -> str:
            page.goto(re.sub(r"//[^:/]+", f"//{host}", url) + path)
            return page.inner_text("body")

        assert [visit("app.shop.test"), visit("evil.shop.test"), visit("app.shop.test")] == ["1", "2", "3"]
        assert [visit("127.0.0.1"), visit("127.0.0.1")] == ["1", "2"]
        assert visit("evil.shop.test", "/leave") == "bye"
        assert visit("app.shop.test") == "1"
        assert visit("127.0.0.1") == "3"


@promise("COOKIE-2")
def test_each_tenant_has_a_session_below_its_path(new_context: NewContext) -> None:
    with running(app_of("tenants.py")) as url:
        context = new_context(base_url=url)
        page = context.new_page()
        shown = []
        for tenant in ("acme", "globex", "acme"):
            page.goto(f"/{tenant}/")
            shown.append(page.inner_text("body"))
            # A browser asks for it when it likes, and it belongs to no tenant.
            page.goto("/favicon.ico")
        assert shown == ["1", "1", "2"]
        assert {cookie.get("path") for cookie in context.cookies()} == {"/acme", "/globex"}
