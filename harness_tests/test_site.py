"""The site of the documentation has every page and every public name, and its checker finds what is wrong."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import sessions.iron
import sessions.moving
import sessions.stores
import sessions.testing

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


class _Loader(yaml.SafeLoader):
    """Reads mkdocs.yml without making the Python objects that it names."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def settings() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), _Loader)  # noqa: S506
    return found


def leaves(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [leaf for each in (nav.values() if isinstance(nav, dict) else nav) for leaf in leaves(each)]


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_site = loaded("check_site")


def test_each_page_is_in_the_navigation_once() -> None:
    pages = leaves(settings()["nav"])
    root_pages = re.findall(
        r'"([\w-]+\.md)",$', (ROOT / "scripts/docs/root_pages.py").read_text(), re.MULTILINE
    )
    assert len(root_pages) == 4
    assert sorted(pages) == sorted(
        [*root_pages, *(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))]
    )


def test_the_theme_asks_no_other_host_for_fonts() -> None:
    theme = settings()["theme"]
    assert theme["font"] is False
    assert {each["scheme"] for each in theme["palette"]} == {"default", "slate"}
    assert settings()["strict"] is True


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("sessions", {*sessions.__all__} - {*sessions.stores.__all__}),
        ("stores", {*sessions.stores.__all__, *sessions.stores.EXTRAS}),
        ("testing", {*sessions.testing.__all__}),
        ("moving", {*sessions.moving.__all__}),
    ],
)
def test_the_reference_has_all_public_names(name: str, names: set[str]) -> None:
    text = (DOCS / "reference" / f"{name}.md").read_text("utf-8")
    module = "sessions" if name == "sessions" else f"sessions.{name}"
    listed = re.findall(rf"^::: {re.escape(module)}\.(\w+)$", text, re.MULTILINE)
    assert sorted(listed) == sorted(names)


def test_the_reference_has_all_of_iron() -> None:
    text = (DOCS / "reference" / "sessions.md").read_text("utf-8")
    listed = re.findall(r"^::: sessions\.iron\.(\w+)$", text, re.MULTILINE)
    assert sorted(listed) == sorted(sessions.iron.__all__)


SOUND = """<html><head><link rel="stylesheet" href="style.css"><link rel="canonical" href="https://a.example/">
<script src="x.js"></script></head><body><h1 id="top">A</h1><a href="other/">b</a><a href="other/#there">c</a>
<a href="https://a.example/">d</a><a href="#top">e</a><a href="mailto:a@a.example">f</a></body></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    (tmp_path / "index.html").write_text(SOUND)
    (tmp_path / "other" / "index.html").write_text('<p id="there" style="background: url(a.png)"></p>')
    (tmp_path / "style.css").write_text("a { background: url(data:image/png;base64,AA==) }")
    (tmp_path / "x.js").write_text("")
    return tmp_path


def test_a_sound_site_has_no_fault(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_site.main(str(site)) == 0
    assert "2 pages" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
        ('<link rel="stylesheet" href="//fonts.example/css">', "loads //fonts.example/css"),
        ('<link rel="preconnect" href="https://fonts.example">', "loads https://fonts.example"),
        ('<img src="http://a.example/a.png">', "loads http://a.example/a.png"),
        ('<img srcset="a.png, https://a.example/a.png 2x">', "loads https://a.example/a.png 2x"),
        ('<p style="background: url(https://a.example/a.png)"></p>', "loads https://a.example/a.png"),
        ("<style>@import 'https://a.example/a.css';</style>", "loads https://a.example/a.css"),
        ('<pre class="mermaid"></pre>', "has a Mermaid diagram"),
        ('<a href="missing/">a</a>', "links to missing/"),
        ('<a href="../other/#nowhere">a</a>', "links to ../other/#nowhere"),
        ('<a href="#nowhere">a</a>', "links to #nowhere"),
    ],
)
def test_a_fault_is_found(site: Path, capsys: pytest.CaptureFixture[str], markup: str, fault: str) -> None:
    (site / "other" / "index.html").write_text(f'<p id="there"></p>{markup}')
    assert check_site.main(str(site)) == 1
    assert capsys.readouterr().out == f"other/index.html {fault}\n"


def test_a_fault_of_a_style_sheet_is_found(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "style.css").write_text("@font-face { src: url('https://fonts.example/a.woff2') }")
    assert check_site.main(str(site)) == 1
    assert capsys.readouterr().out == "style.css loads https://fonts.example/a.woff2\n"
