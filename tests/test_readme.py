"""What the README shows does what it says."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from support import Browser, site

from sessions import Store

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


def test_one_of_them_is_an_app() -> None:
    assert any("app" in run(*block) for block in BLOCKS.values())


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


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists(), f"README.md links to {link}"
