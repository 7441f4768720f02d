"""Look through the built site: `python scripts/docs/check_site.py build/site`.

No page makes the browser ask another host, and each link within the site leads to a page and a place in it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_URL_IN_CSS: Final = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")

_LINK_RELATIONS: Final = {"canonical", "alternate", "prev", "next", "author", "license"}
"""Of `<link>`: those for which a browser loads nothing."""


def urls_in_css(text: str) -> list[str]:
    return ["".join(found) for found in _URL_IN_CSS.findall(text)]


class Page(HTMLParser):
    """What a page loads, where it links to, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.draws_diagrams = False
        self._in_style = False
        self.feed(text)

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.loads += urls_in_css(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        self.ids |= {of[name] for name in ("id", "name") if name in of}
        # The theme would load the library that draws these from another host.
        self.draws_diagrams |= "mermaid" in of.get("class", "").split()
        self.loads += urls_in_css(of.get("style", ""))
        self.loads += [each.strip() for each in of.get("srcset", "").split(",")]
        self._in_style = tag == "style"
        if tag == "a" and "href" in of:
            self.links.append(of["href"])
        elif tag == "link" and not _LINK_RELATIONS & set(of.get("rel", "").split()):
            self.loads.append(of.get("href", ""))
        elif tag not in ("a", "link", "base"):
            self.loads += [of[name] for name in ("src", "data", "poster", "action") if name in of]


def faults(site: Path) -> Iterator[str]:
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        for url in page.loads:
            if _is_elsewhere(url):
                yield f"{name} loads {url}"
        if page.draws_diagrams:
            yield f"{name} has a Mermaid diagram"
        # The page for what is not found has addresses from the root of the host.
        for link in page.links if name != "404.html" else ():
            if (
                not _is_elsewhere(link)
                and not urlsplit(link).scheme
                and not _leads_somewhere(link, path, pages)
            ):
                yield f"{name} links to {link}"
    for path in sorted(site.rglob("*.css")):
        for url in urls_in_css(path.read_text("utf-8")):
            if _is_elsewhere(url):
                yield f"{path.relative_to(site).as_posix()} loads {url}"


def _is_elsewhere(url: str) -> bool:
    return bool(re.match(r"\s*(https?:)?//", url))


def _leads_somewhere(link: str, source: Path, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(link)
    target = (source.parent / unquote(parts.path)).resolve() if parts.path else source
    if target.is_dir():
        target /= "index.html"
    if target not in pages:
        return target.exists()
    return not parts.fragment or unquote(parts.fragment) in pages[target].ids


def main(folder: str) -> int:
    site = Path(folder).resolve()
    found = list(faults(site))
    print("\n".join(found) or f"{sum(1 for _ in site.rglob('*.html'))} pages, all links lead somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
