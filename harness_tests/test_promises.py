"""Each promise on the page is named by a test, and each promise that a test names is on the page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "promises.md"
ID = re.compile(r"[A-Z]+-\d+")


def ids_on_the_page() -> list[str]:
    return re.findall(r"^- \*\*([A-Z]+-\d+)\*\* \S", PAGE.read_text("utf-8"), re.MULTILINE)


def sources() -> Iterator[Path]:
    """Where tests stand: ours, the browser suite's, and the conformance kit's."""
    for pattern in (
        *("tests/**/*.py", "harness_tests/**/*.py", "e2e/**/*.py"),
        *("sessions/testing*.py", "sessions/testing*/**/*.py"),
    ):
        yield from sorted(ROOT.glob(pattern))


def ids_named_in(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each promise that a decorator or a `pytestmark` in this source names.

    Both `pytest.mark.promise("ROT-1", …)` and `promise("ROT-1", …)` count, with or without an aspect after
    a colon, `"SAVE-3: saved late"`.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("promise", "pytest.mark.promise"):
            for argument in node.args:
                if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                    raise AssertionError(
                        f"line {argument.lineno}: a promise is named by a text, not computed"
                    )
                yield argument.lineno, argument.value.partition(":")[0]


def ids_in_tests() -> dict[str, list[str]]:
    """Promise id → the places that name it."""
    named: dict[str, list[str]] = {}
    for path in sources():
        for line, name in ids_named_in(path.read_text("utf-8")):
            named.setdefault(name, []).append(f"{path.relative_to(ROOT)}:{line}")
    return named


def test_each_promise_on_the_page_is_named_by_a_test() -> None:
    missing = sorted(set(ids_on_the_page()) - set(ids_in_tests()))
    assert not missing, f"promised in {PAGE.relative_to(ROOT)}, and no test names it: {', '.join(missing)}"


def test_each_promise_that_a_test_names_is_on_the_page() -> None:
    promised = set(ids_on_the_page())
    unknown = [
        f"{name} in {', '.join(places)}" for name, places in ids_in_tests().items() if name not in promised
    ]
    assert not unknown, f"named by a test, and not in {PAGE.relative_to(ROOT)}: {'; '.join(unknown)}"


def test_no_id_stands_on_the_page_twice() -> None:
    ids = ids_on_the_page()
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) >= 47  # the pattern that finds them did find them


def test_no_bold_id_on_the_page_is_missed_by_a_slip_in_its_form() -> None:
    bold = re.findall(r"\*\*([^*]+)\*\*", PAGE.read_text("utf-8"))
    assert bold == ids_on_the_page()


def test_ids_are_found_however_they_are_named() -> None:
    source = """
@pytest.mark.promise("ROT-1", "ROT-2: in flight")
@promise("OUT-1")
def test_a(): ...
pytestmark = [pytest.mark.anyio, pytest.mark.promise("OUT-2")]
text = 'promise("OUT-9")'
"""
    assert {name for _, name in ids_named_in(source)} == {"ROT-1", "ROT-2", "OUT-1", "OUT-2"}
    with pytest.raises(AssertionError, match="line 1"):
        list(ids_named_in("promise(name)"))
