"""A hook of MkDocs: pages of the site that are files at the root of the repository.

A link in any page is the path of a file in the repository, so that it works there. Here it becomes the path
of the page in the site.
"""

# pyright: reportMissingImports=false
from __future__ import annotations

import os.path
import re
from posixpath import dirname, join, normpath, relpath
from typing import Any, Final

from mkdocs.structure.files import File, Files

ROOT_PAGES: Final = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "vulnerabilities.md",
}
"""File at the root → page of the site."""

SOURCES: Final = {page: file for file, page in ROOT_PAGES.items()}

_CODE_OR_LINK: Final = re.compile(
    r"(?P<code>^```.*?^```|`[^`\n]*`)|(?<=\]\()(?P<target>[^)\s#:]+)(?=[)#])", re.DOTALL | re.MULTILINE
)


def on_files(files: Files, config: Any) -> Files:
    root = os.path.dirname(config.config_file_path)
    for file, page in ROOT_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=os.path.join(root, file)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    name = page.file.src_uri
    return with_links(markdown, source=SOURCES.get(name, f"docs/{name}"), page=name)


def with_links(markdown: str, *, source: str, page: str) -> str:
    """The text of a file, with each link to a file of the repository as one to a page of the site."""

    def replaced(match: re.Match[str]) -> str:
        if match["code"]:
            return match["code"]
        target = normpath(join(dirname(source), match["target"]))
        target = ROOT_PAGES.get(target, target.removeprefix("docs/"))
        return relpath(target, dirname(page) or ".")

    return _CODE_OR_LINK.sub(replaced, markdown)
