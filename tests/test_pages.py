"""The pages of the documentation: their code runs and has the right types, and their links lead somewhere."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import FRAGMENT, PAGES, ROOT, Block, blocks, name_of
from starlette.testclient import TestClient
from support import Browser, site
from type_checkers import CHECKERS, Checker

from sessions import Store

RUN_BY = {
    "docs/encryption-at-rest.md": "test_encryption_page.py",
    "docs/frameworks.md": "test_each_framework.py",
    "docs/monitoring.md": "test_monitoring_page.py",
    "docs/moving/": "moving/test_pages.py",
    "docs/remember-me.md": "test_remember_me_page.py",
    "docs/tenants.md": "test_cookie_places.py",
    "docs/testing.md": "test_testing_page.py",
    "docs/tutorial.md": "test_tutorial.py",
}
"""Page or folder → the test that runs all of its blocks. Those of any other page are run here."""

BLOCKS = [block for page in PAGES for block in blocks(page) if block.is_python]
WHOLE = [block for block in BLOCKS if not block.is_fragment]
FRAGMENTS = [block for block in BLOCKS if block.is_fragment]
RUN_HERE = [block for block in WHOLE if not name_of(block.page).startswith(tuple(RUN_BY))]


def is_test(block: Block) -> bool:
    return (block.file or "").startswith("test_")


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_each_fence_is_closed_and_each_block_is_found(path: Path) -> None:
    text = path.read_text("utf-8")
    found = blocks(path)
    assert text.count("\n```") == 2 * len(found)
    assert len(re.findall(r"^ *(```|~~~) *\{?\.?py", text, re.MULTILINE | re.IGNORECASE)) == len(
        [block for block in found if block.is_python]
    )
    for block in found:
        assert not block.is_python or block.fence in ("", FRAGMENT), block
        if block.language in ("", "text"):
            assert not re.search(r"^(from|import|async def|def|class) ", block.source, re.MULTILINE), block


@pytest.mark.parametrize("name", RUN_BY)
def test_the_test_of_a_page_is_there_and_reads_it(name: str) -> None:
    assert any(name_of(block.page).startswith(name) for block in WHOLE)
    assert f'"{name}"' in (ROOT / "tests" / RUN_BY[name]).read_text("utf-8")


@pytest.mark.parametrize("block", [block for block in RUN_HERE if not is_test(block)], ids=str)
def test_a_block_runs_and_an_app_in_it_answers(block: Block) -> None:
    names = block.run()
    if "app" in names:
        with TestClient(names["app"]) as client:
            for _ in range(2):
                assert client.get("/").status_code == 200


def test_some_of_them_are_apps_and_one_is_the_first_page() -> None:
    apps = {name_of(block.page) for block in RUN_HERE if "\napp = " in block.source}
    assert {"README.md", "docs/session.md"} <= apps


@pytest.mark.parametrize("block", [block for block in RUN_HERE if is_test(block)], ids=str)
def test_a_test_on_a_page_passes(block: Block, tmp_path: Path) -> None:
    for each in blocks(block.page):
        if each.file is not None:
            (tmp_path / each.file).write_text(each.on_its_line, "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(block.file)]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def stores() -> Iterator[type[Store]]:
    for block in RUN_HERE:
        if "(Store):" in block.source:
            for each in block.run().values():
                if inspect.isclass(each) and issubclass(each, Store) and each is not Store:
                    yield each


@pytest.mark.parametrize("store", list(stores()))
def test_a_store_on_a_page_keeps_sessions(store: type[Store]) -> None:
    async def visit() -> None:
        browser = Browser(site(store=store()))
        await browser.get("/write", a="1")
        before = browser.copy()
        await browser.get("/rotate", b="2")
        assert (await browser.get("/read")).json() == {"a": "1", "b": "2"}
        assert (await before.get("/read")).json() == {}
        await browser.get("/destroy")
        assert (await browser.get("/read")).json() == {}

    asyncio.run(visit())


@pytest.mark.parametrize("block", FRAGMENTS, ids=str)
def test_a_fragment_is_python(block: Block) -> None:
    ast.parse(block.on_its_line, str(block.page))


# -- types -------------------------------------------------------------------------------------------


def files(page: Path) -> dict[str, str]:
    """File name → text. Of a file that the page changes, the last one has the name."""
    found: dict[str, str] = {}
    for block in blocks(page):
        if block.is_python and not block.is_fragment:
            name = block.file or f"{page.stem}_{block.line}.py"
            if name in found:
                found[f"{Path(name).stem}_before_{block.line}.py"] = found[name]
            found[name] = block.on_its_line
    return found


def batches() -> list[dict[str, str]]:
    """The files of all pages, to be checked together as far as their names differ: a check takes seconds."""
    found: list[dict[str, str]] = []
    for page in PAGES:
        of_page = files(page)
        for batch in found:
            if not batch.keys() & of_page.keys():
                batch.update(of_page)
                break
        else:
            found.append(of_page)
    return found


@pytest.mark.promise("OBJ-5")
@pytest.mark.parametrize("check", CHECKERS)
def test_the_types_of_each_block_are_right(check: Checker, tmp_path: Path) -> None:
    checked = 0
    for number, batch in enumerate(batches()):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, text in batch.items():
            (folder / name).write_text(text, "utf-8")
        # pyright looks for other modules in this repository.
        elsewhere = {f'Import "{Path(name).stem}" could not be resolved' for name in batch}
        found = check([folder / name for name in batch])
        assert {place: fault for place, fault in found.items() if fault not in elsewhere} == {}
        checked += len(batch)
    assert checked == len(WHOLE)


# -- links -------------------------------------------------------------------------------------------

LINKS = sorted(
    (page, link)
    for page in PAGES
    for link in set(
        re.findall(
            r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
        )
    )
)


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in a link, as GitHub and the site name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("source", "link"), LINKS, ids=[f"{name_of(page)}: {link}" for page, link in LINKS])
def test_links_lead_somewhere(source: Path, link: str) -> None:
    if link.startswith("https://"):
        return
    name, _, anchor = link.partition("#")
    target = (source.parent / name).resolve() if name else source
    assert target.exists(), f"{source.name} links to {link}"
    assert not anchor or anchor in anchors(target), f"{source.name} links to {link}"
