"""What the README shows does what it says."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from support import Browser, answer, site
from type_checkers import CHECKERS, Checker

from sessions import MemoryStore, Store

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks() -> list[tuple[int, str]]:
    """Line number and text of each Python block."""
    found = re.finditer(r"^```(?:python|py)[^\n]*\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return [(README.count("\n", 0, match.start()) + 2, match[1]) for match in found]


BLOCKS = {f"line {line}": (line, source) for line, source in blocks()}


def run(line: int, source: str) -> dict[str, Any]:
    """What the block defines. Faults name the README's own lines."""
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile("\n" * (line - 1) + source, "README.md", "exec"), names)  # noqa: S102 (it is ours)
    return names


def test_there_are_python_blocks_and_each_fence_is_closed() -> None:
    assert len(BLOCKS) >= 2
    assert README.count("\n```") % 2 == 0
    assert len(re.findall(r"^```py", README, re.MULTILINE)) == len(BLOCKS)


def test_two_of_them_are_apps() -> None:
    assert sum("app" in run(*block) for block in BLOCKS.values()) >= 2


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_runs_and_an_app_in_it_answers(name: str) -> None:
    names = run(*BLOCKS[name])
    if "app" in names:
        with TestClient(names["app"]) as client:
            for _ in range(2):
                assert client.get("/").status_code == 200


@pytest.mark.parametrize("name", [name for name, (_, source) in BLOCKS.items() if "(Store)" in source])
def test_a_store_in_it_keeps_sessions(name: str) -> None:
    stores = [
        each
        for each in run(*BLOCKS[name]).values()
        if inspect.isclass(each) and issubclass(each, Store) and each is not Store
    ]
    assert stores

    async def visit() -> None:
        for store in stores:
            browser = Browser(site(store=store()))
            await browser.get("/write", a="1")
            before = browser.copy()
            await browser.get("/rotate", b="2")
            assert (await browser.get("/read")).json() == {"a": "1", "b": "2"}
            assert (await before.get("/read")).json() == {}
            await browser.get("/destroy")
            assert (await browser.get("/read")).json() == {}

    asyncio.run(visit())


@pytest.mark.promise("OBJ-5")
@pytest.mark.parametrize("check", CHECKERS)
def test_the_types_of_each_block_are_right(check: Checker, tmp_path: Path) -> None:
    paths, before = [], ""
    for line, source in BLOCKS.values():
        if "(StoreConformance)" in source:  # the test of the store in the block before
            source = before + source  # noqa: PLW2901
        path = tmp_path / f"readme_{line}.py"
        path.write_text(source, "utf-8")
        paths.append(path)
        before = source
    assert sum("request: Request" in source for _, source in BLOCKS.values()) >= 3
    assert check(paths) == {}


def handlers(word: str) -> dict[str, Any]:
    """The functions of the one block that has this word in it."""
    (block,) = [block for block in BLOCKS.values() if word in block[1]]
    return run(*block)


@pytest.mark.anyio
async def test_its_login_and_logout() -> None:
    block = handlers("async def log_in(")

    async def log_in(request: Request) -> Response:
        await block["log_in"](request)
        return answer()

    async def log_out(request: Request) -> Response:
        await block["log_out"](request)
        return answer()

    store = MemoryStore()
    browser = Browser(site(log_in, log_out, store=store))
    await browser.get("/write", failed_attempts="1")
    before = browser.copy()
    await browser.get("/log_in")
    await browser.get("/log_in")
    assert (await before.get("/read")).json() == {}
    (session,) = await store.sessions_of("ada")
    assert session.data == {"cart": ["bread", "bread"], "seen": [7, 7]}
    assert (await browser.get("/message")).json() == "Welcome!"
    await browser.get("/log_out")
    assert browser.cookie() is None
    assert await store.sessions_of("ada") == []


def test_its_websocket_lives_as_long_as_the_session() -> None:
    talk = handlers("socket: WebSocket")["talk"]
    app = site(store=MemoryStore(), expire_after=60, routes=[WebSocketRoute("/talk", talk)])
    with TestClient(app) as client:
        client.get("/write?name=Ada")
        with client.websocket_connect("/talk") as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "Ada: hello"
            client.get("/write?name=Grace")
            socket.send_text("hello")
            assert socket.receive_text() == "Grace: hello"
            client.get("/destroy")
            socket.send_text("hello")
            with pytest.raises(WebSocketDisconnect):
                socket.receive_text()


# -- links -------------------------------------------------------------------------------------------

PAGES = {
    path: path.read_text("utf-8") for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
}
LINKS = sorted(
    (page, link)
    for page, text in PAGES.items()
    for link in set(re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)))
)


def anchors(text: str) -> set[str]:
    """What a page's headings are called in a link, as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("source", "link"), LINKS, ids=[f"{page.name}: {link}" for page, link in LINKS])
def test_links_lead_somewhere(source: Path, link: str) -> None:
    if link.startswith("https://"):
        return
    name, _, anchor = link.partition("#")
    target = (source.parent / name).resolve() if name else source
    assert target.exists(), f"{source.name} links to {link}"
    assert not anchor or anchor in anchors(PAGES[target]), f"{source.name} links to {link}"
