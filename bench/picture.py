"""The picture of docs/speed.md: bars, in one file for light and dark screens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from bench.apps import PATHS
from bench.subjects import BARE, GROUPS

WIDTH = 760
_LABELS = 270
_BARS = WIDTH - _LABELS - 60
_ROW = 42
_BAR = 11

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .head { font-weight: 600 } .small { font-size: 10px; fill: #59636e }
  .untouched { fill: #9ec5e8 } .read { fill: #3f8ac9 } .write { fill: #17528a }
  .other .untouched { fill: #d3d7dc } .other .read { fill: #a3abb5 } .other .write { fill: #737d89 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 }
    .untouched { fill: #17528a } .read { fill: #3f8ac9 } .write { fill: #9ec5e8 }
    .other .untouched { fill: #4a525c } .other .read { fill: #737d89 } .other .write { fill: #a3abb5 }
  }
"""


def picture(groups: Mapping[str, Any]) -> str:
    """An SVG: the server's CPU for each request. The results by group are those of `over_http`."""
    parts, y = [*_legend()], 54
    for group in GROUPS:
        if group.name not in groups:
            continue
        parts.append(f'<text class="head" x="0" y="{y + 13}">{group.title}</text>')
        y += 24
        kinds = {subject.name: subject.kind for subject in group.subjects}
        most = max(numbers["cpu"] for paths in groups[group.name].values() for numbers in paths.values())
        for name, paths in sorted(groups[group.name].items(), key=lambda item: item[0] != BARE):
            parts += _bars(name, paths, y, most, ours=kinds.get(name) == "ours")
            y += _ROW
        y += 10
    described = (
        "Microseconds of CPU for each request over a socket; the tables of this page have the numbers."
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}"'
        ' role="img">\n'
        f"<title>{described}</title>\n<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _legend() -> Iterator[str]:
    what = (
        "CPU of the server for each request over a socket, in µs. Each kind of store has a scale of its own."
    )
    yield f'<text x="0" y="15">{what}</text>'
    for number, path in enumerate(PATHS):
        x = _LABELS + number * 90
        yield f'<rect class="{path}" x="{x}" y="28" width="12" height="12"/>'
        yield f'<text class="small" x="{x + 17}" y="38">{path}</text>'


def _bars(
    name: str, paths: Mapping[str, Mapping[str, float]], y: int, most: float, *, ours: bool
) -> Iterator[str]:
    yield f'<g class="{"ours" if ours else "other"}">'
    yield f'<text x="{_LABELS - 10}" y="{y + 21}" text-anchor="end">{escape(name)}</text>'
    present = [path for path in PATHS if path in paths]
    top = y + (_BAR * (len(PATHS) - len(present))) / 2
    for number, path in enumerate(present):
        cpu = paths[path]["cpu"]
        length, at = cpu / most * _BARS, top + number * _BAR
        yield f'<rect class="{path}" x="{_LABELS}" y="{at:.0f}" width="{length:.1f}" height="{_BAR - 1}"/>'
        yield f'<text class="small" x="{_LABELS + length + 5:.1f}" y="{at + 9:.0f}">{cpu:.0f}</text>'
    yield "</g>"
