"""The pages of the documentation, and the code that they show.

A Python block whose first line is a comment with a file's name is that file: other blocks of the page may
import it. A block whose fence has the title "Fragment" is a part of an app of the reader's, and cannot run by
itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent

PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

FRAGMENT: Final = 'title="Fragment"'


def name_of(page: Path) -> str:
    """`docs/stores.md`"""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    """The number of its first line on the page."""
    language: str
    fence: str
    """What follows the language."""
    source: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"

    @property
    def is_python(self) -> bool:
        return self.language in ("python", "py")

    @property
    def is_fragment(self) -> bool:
        return self.fence == FRAGMENT

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        found = re.match(r"# (\w+\.py)\n", self.source)
        return found[1] if found else None

    @property
    def on_its_line(self) -> str:
        """The source after as many empty lines that faults name the page's own lines."""
        return "\n" * (self.line - 1) + self.source

    def run(self) -> dict[str, Any]:
        """What it defines."""
        names: dict[str, Any] = {"__name__": self.page.stem}
        exec(compile(self.on_its_line, str(self.page), "exec"), names)  # noqa: S102 (it is ours)
        return names


def blocks(page: Path) -> list[Block]:
    return list(_blocks(page))


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for match in re.finditer(r"^```(\w*)[ ]?([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield Block(page, text.count("\n", 0, match.start(3)) + 1, match[1], match[2], match[3])


def python_blocks(page: str) -> list[Block]:
    """Those of one page, such as `docs/stores.md`."""
    return [block for block in blocks(ROOT / page) if block.is_python]


def block_with(page: str, word: str) -> Block:
    """The one Python block of a page that has this word in it."""
    (block,) = [block for block in python_blocks(page) if word in block.source]
    return block
