"""COOKIE-2: a cookie whose `Domain` or `Path` depends on the request, and the recipes of docs/tenants.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from httpx import Client
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware as StarlettesMiddleware
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from support import KEY, OTHER_KEY, Browser, attributes, read, site, write
from type_checkers import CHECKERS, Checker

from sessions import CookieOptions, CookieStore, MemoryStore, SessionMiddleware
from sessions.moving import StarletteCookie
from sessions.testing import ClientSession

pytestmark = pytest.mark.promise("COOKIE-2")

PAGE = Path(__file__).parent.parent.joinpath("docs/tenants.md").read_text("utf-8")
FILES = dict(
    re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE),
)


def host_of(scope: Any) -> str:
    host: bytes = dict(scope["headers"])[b"host"]
    return host.decode("latin-1")


def tenant_of(scope: Any) -> str:
    return "/" + str(scope["path"]).split("/")[1]


def place(line: str) -> tuple[str | None, str]:
    found = attributes(line)
    return found.get("domain"), found["path"]


async def nothing(*_: Any) -> None:
    """An app."""


# -- what the browser is told ------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
async def test_each_request_has_the_place_that_the_functions_say(kind: Callable[[], Any]) -> None:
    options = CookieOptions(domain=host_of, path=tenant_of)
    app = site(store=kind(), encryption_key=KEY, cookie_options=options)
    for host in ("a.example", "b.example"):
        (line,) = (await Browser(app, host=host).get("/write", a="1")).set_cookies
        assert place(line) == (host, "/write")
        assert {"httponly", "samesite"} <= set(attributes(line))


@pytest.mark.anyio
@pytest.mark.promise("COOKIE-4")
@pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
async def test_the_cookie_is_removed_from_the_place_where_it_was_set(kind: Callable[[], Any]) -> None:
    browser = Browser(site(store=kind(), encryption_key=KEY, cookie_options={"domain": host_of}))
    await browser.get("/write?a=1")
    assert [domain for _, domain, _ in browser.jar] == ["app.example"]
    (line,) = (await browser.get("/destroy")).set_cookies
    assert place(line) == ("app.example", "/")
    assert not browser.jar


@pytest.mark.anyio
@pytest.mark.promise("SEC-2")
async def test_second_cookies_are_removed_from_elsewhere_and_not_from_there() -> None:
    browser = Browser(site(cookie_options={"domain": host_of}))
    await browser.get("/write?a=1")
    for domain in ("", ".example"):
        browser.plant("garbage", domain=domain)
    removed = {place(line) for line in (await browser.get("/read")).set_cookies}
    assert (None, "/") in removed
    assert ("app.example", "/") not in removed
    assert (await browser.get("/read")).json() == {"a": "1"}


@pytest.mark.anyio
@pytest.mark.promise("SEAL-7", "SEAL-4")
async def test_a_new_seal_and_the_removal_of_useless_pieces_have_that_place_too() -> None:
    store = MemoryStore()
    browser = Browser(site(store=store, encryption_key=OTHER_KEY, cookie_options={"domain": host_of}))
    await browser.get("/write?a=1")
    browser.app = site(store=store, encryption_key=[KEY, OTHER_KEY], cookie_options={"domain": host_of})
    (line,) = (await browser.get("/read")).set_cookies
    assert place(line) == ("app.example", "/")
    browser = Browser(site(store=CookieStore(), encryption_key=KEY, cookie_options={"domain": host_of}))
    browser.plant("garbage", "session.1", domain="app.example")
    browser.plant("2~garbage", domain="app.example")
    browser.jar.pop(("session.1", "app.example", "/"))
    assert ("app.example", "/") in {place(line) for line in (await browser.get("/read")).set_cookies}


@pytest.mark.anyio
@pytest.mark.promise("MOVE-1")
@pytest.mark.parametrize("kind", [MemoryStore, CookieStore])
@pytest.mark.parametrize(("old_domain", "removed"), [("app.example", False), (None, True)])
async def test_an_adopted_cookie_is_removed_unless_ours_is_at_its_place(
    kind: Callable[[], Any], old_domain: str | None, removed: bool
) -> None:
    theirs = Browser(
        Starlette(
            routes=[Route("/write", write)],
            middleware=[Middleware(StarlettesMiddleware, secret_key="old", domain=old_domain)],
        )
    )
    await theirs.get("/write?a=1")
    (old,) = [kept.value for kept in theirs.jar.values()]
    adopt = [StarletteCookie("old", domain=old_domain)]
    browser = Browser(site(store=kind(), encryption_key=KEY, cookie_options={"domain": host_of}, adopt=adopt))
    browser.plant(old, domain=old_domain or "")
    reply = await browser.get("/read")
    assert reply.json() == {"a": "1"}
    places = {place(line) for line in reply.set_cookies}
    assert places == {("app.example", "/"), (None, "/")} if removed else {("app.example", "/")}
    assert (await browser.get("/read")).json() == {"a": "1"}


@pytest.mark.anyio
async def test_a_mount_further_in_changes_nothing() -> None:
    """Starlette's `Mount` writes its own `root_path` into the scope, before the response starts."""

    def path(scope: Any) -> str:
        return str(scope.get("root_path")) or "/"

    inner = Starlette(routes=[Route("/write", write), Route("/read", read)])
    browser = Browser(site(routes=[Mount("/inner", inner)], cookie_options={"path": path}))
    (line,) = (await browser.get("/inner/write?a=1")).set_cookies
    assert place(line) == (None, "/")


@pytest.mark.anyio
async def test_a_function_is_asked_once_for_each_request() -> None:
    asked = []

    def domain(scope: Any) -> str:
        asked.append(scope["path"])
        return "app.example"

    browser = Browser(site(cookie_options={"domain": domain}, exclude=["/untouched"]))
    for url in ("/write?a=1", "/rotate", "/untouched", "/read"):
        await browser.get(url)
    assert asked == ["/write", "/rotate", "/read"]


@pytest.mark.anyio
@pytest.mark.promise("OBJ-8")
async def test_two_middlewares_with_one_cookie_are_still_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        lines = [(b"set-cookie", b"session=theirs")]
        await send({"type": "http.response.start", "status": 200, "headers": lines})
        await send({"type": "http.response.body"})

    browser = Browser(SessionMiddleware(app, MemoryStore(), cookie_options={"domain": host_of}))
    for _ in range(2):
        await browser.get("/")
    assert [record.levelname for record in caplog.records if "sets a cookie" in record.getMessage()] == [
        "ERROR"
    ]


def test_a_websocket_has_it_too() -> None:
    with TestClient(site(cookie_options={"domain": lambda scope: None})) as client:
        client.get("/write?a=1")
        assert client.get("/read").json() == {"a": "1"}


# -- what a function may not return ------------------------------------------------------------------

BAD_DOMAINS = [
    "",
    "example.org; Path=/",
    "example.org\r\nSet-Cookie: x=y",
    "example.org\n",
    "exämple.org",
    "a b",
    b"example.org",
    7,
    True,
]
BAD_PATHS = ["", "shop", "/a;b", "/a\r\nSet-Cookie: x=y", "/a\n", "/ä", None, b"/a", 7]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("option", "returned"),
    [("domain", each) for each in BAD_DOMAINS] + [("path", each) for each in BAD_PATHS],
)
async def test_is_a_clear_error_before_anything_is_read_or_saved(option: str, returned: Any) -> None:
    store = MemoryStore()
    browser = Browser(site(store=store))
    await browser.get("/write?n=1")
    before = dict(browser.jar)
    browser.app = site(store=store, cookie_options={option: lambda scope: returned})
    for url in ("/write?n=2", "/rotate", "/destroy", "/read"):
        reply = await browser.get(url)
        assert (reply.status, reply.set_cookies) == (500, [])
        kind = ValueError if isinstance(returned, str) else TypeError
        assert type(reply.error) is kind
        assert f"cookie {option}" in str(reply.error)
        assert str(returned) not in str(reply.error) or returned in ("", None)
    assert browser.jar == before
    browser.app = site(store=store)
    assert (await browser.get("/read")).json() == {"n": "1"}


@pytest.mark.anyio
async def test_what_a_function_raises_leaves_the_middleware() -> None:
    reply = await Browser(site(cookie_options={"domain": lambda scope: scope["nothing"]})).get("/write?a=1")
    assert (reply.status, type(reply.error)) == (500, KeyError)


@pytest.mark.parametrize("option", ["domain", "path"])
def test_a_host_prefix_with_a_function_is_a_value_error(option: str) -> None:
    with pytest.raises(ValueError, match="__Host-"):
        SessionMiddleware(
            nothing,
            MemoryStore(),
            session_cookie_name="__Host-a",
            cookie_options={option: lambda scope: None},
        )


@pytest.mark.parametrize(
    ("option", "given"), [("path", None), ("path", 7), ("domain", 7), ("domain", b"a.b")]
)
def test_a_plain_value_of_another_type_is_a_type_error(option: str, given: Any) -> None:
    with pytest.raises(TypeError, match=f"cookie {option}"):
        SessionMiddleware(nothing, MemoryStore(), cookie_options={option: given})


# -- sessions.testing --------------------------------------------------------------------------------


@pytest.mark.promise("TEST-1")
def test_a_client_session_has_the_cookie_of_its_address() -> None:
    app = site(cookie_options={"path": tenant_of, "domain": host_of})
    jar = CookieJar()
    session = ClientSession(app, jar, url="http://app.example/read")
    session.begin({"a": "1"})
    assert [(cookie.domain, cookie.path) for cookie in jar] == [(".app.example", "/read")]
    seen = session.look()
    assert seen is not None
    assert seen.data == {"a": "1"}
    client = Client(base_url="http://app.example/")
    with pytest.raises(ValueError, match="address"):
        ClientSession(site(cookie_options={"domain": lambda scope: "other.example"}), client).begin(
            {"a": "1"}
        )


# -- the recipes -------------------------------------------------------------------------------------


def recipe(name: str) -> Any:
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(FILES[name], name, "exec"), names)  # noqa: S102 (it is ours)
    return names["app"]


@pytest.mark.anyio
async def test_the_recipe_for_hosts() -> None:
    app = recipe("hosts.py")
    expected = {
        "shop.example": "shop.example",
        "www.shop.example": "shop.example",
        "WWW.SHOP.TEST:8000": "shop.test",
        "evilshop.example": None,
        "of-a-customer.org": None,
        "a b;\r\n": None,
    }
    for host, domain in expected.items():
        browser = Browser(app, host=host)
        (line,) = (await browser.get("/")).set_cookies
        assert place(line) == (domain, "/")
        assert (await browser.get("/")).text == "2"
        (line,) = (await browser.get("/leave")).set_cookies
        assert place(line) == (domain, "/")
        assert not browser.jar


@pytest.mark.anyio
async def test_the_recipe_for_tenants() -> None:
    browser = Browser(recipe("tenants.py"))
    assert [(await browser.get(url)).text for url in ("/acme/", "/globex/", "/acme/")] == ["1", "1", "2"]
    assert {path for _, _, path in browser.jar} == {"/acme", "/globex"}
    ours = browser.jar["session", "", "/acme"].value
    browser.plant(ours, path="/globex")
    assert (await browser.get("/globex/")).status == 403


@pytest.mark.parametrize("check", CHECKERS)
def test_the_recipes_types_are_right(check: Checker, tmp_path: Path) -> None:
    assert set(FILES) == {"hosts.py", "tenants.py"}
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    assert check([tmp_path / name for name in FILES]) == {}
