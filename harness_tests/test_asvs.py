"""docs/security.md says how OWASP ASVS 5.0, chapter V7, is met, and each line of the library's has a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")

CHAPTER = {
    *("7.1.1", "7.1.2", "7.1.3"),
    *("7.2.1", "7.2.2", "7.2.3", "7.2.4"),
    *("7.3.1", "7.3.2"),
    *("7.4.1", "7.4.2", "7.4.3", "7.4.4", "7.4.5"),
    *("7.5.1", "7.5.2", "7.5.3"),
    *("7.6.1", "7.6.2"),
}
"""Every requirement of chapter V7 of version 5.0.0."""


def rows() -> dict[str, str]:
    """Requirement → by whom it is met: default, option or app."""
    found = re.findall(r"^\| (7\.\d\.\d) \| [^|]+ \| (\w+) \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert len(found) == len(dict(found))
    return dict(found)


def named_by_tests() -> dict[str, list[str]]:
    """Requirement → the tests that name it."""
    named: dict[str, list[str]] = {}
    for path in sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "harness_tests").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.asvs":
                for argument in node.args:
                    assert isinstance(argument, ast.Constant), f"{path.name}:{node.lineno}"
                    named.setdefault(str(argument.value), []).append(f"{path.name}:{node.lineno}")
    return named


def test_the_page_has_each_requirement_of_the_chapter() -> None:
    assert set(rows()) == CHAPTER
    assert set(rows().values()) == {"default", "option", "app"}


def test_each_requirement_that_the_library_meets_is_named_by_a_test() -> None:
    ours = {requirement for requirement, whose in rows().items() if whose != "app"}
    assert ours <= named_by_tests().keys()


def test_each_requirement_that_a_test_names_is_one_that_the_library_meets() -> None:
    ours = {requirement for requirement, whose in rows().items() if whose != "app"}
    unknown = {name: places for name, places in named_by_tests().items() if name not in ours}
    assert not unknown


def test_each_file_and_heading_that_the_page_leads_to_is_there() -> None:
    for target in re.findall(r"\]\((?!https:)([^)]+)\)", PAGE):
        path, _, heading = target.partition("#")
        text = ((ROOT / "docs" / path) if path else ROOT / "docs" / "security.md").read_text("utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
        assert not heading or heading in slugs, target
    for path in re.findall(r"`((?:reference_server|tests|harness_tests)/[\w/.]+)`", PAGE):
        assert (ROOT / path).is_file(), path


def test_each_promise_that_the_page_names_is_there() -> None:
    promised = re.findall(
        r"^- \*\*([A-Z]+-\d+)\*\*", (ROOT / "docs/promises.md").read_text("utf-8"), re.MULTILINE
    )
    named = re.findall(r"\b(?:[A-Z]{3,6})-\d\b", re.sub(r"(?:SP|RFC) \S+", "", PAGE))
    assert {*named} <= {*promised}
