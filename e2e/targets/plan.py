"""targets.yml as Python: what to start, what is known to break there, and our own cells to stand beside.

`python -m e2e.targets.plan` lists the targets.
"""

import json
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import msgspec

from e2e.judge import needs
from e2e.judge.protocol import protocol
from e2e.matrix.matrix import PLAIN, Cell, LimitLine, Line, Matrix, Rule, rules
from e2e.matrix.yaml_file import MatrixError, read

ROOT = Path(__file__).parent.parent.parent
FILE = Path(__file__).parent / "targets.yml"


class TargetLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server of targets.yml with its stores: name → as the library calls it."""

    product: str
    platform: str
    stores: dict[str, str]
    command: str
    lock: str
    packages: tuple[str, ...]
    folder: str = "."
    runtime: str = ""
    environment: dict[str, str] = {}


class NotOfferedLine(Line, frozen=True, kw_only=True):
    routes: tuple[str, ...]


class TargetsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of targets.yml."""

    browsers: tuple[str, ...]
    targets: dict[str, TargetLine]
    not_applicable: tuple[LimitLine, ...]
    known_breaks: tuple[LimitLine, ...]
    not_offered: tuple[NotOfferedLine, ...]
    beside: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Target:
    """A server that we did not write, with one of its stores. `{…}` in its command is filled in."""

    server: str
    store: str
    product: str
    """The library that is judged"""
    platform: str
    """What the library runs on"""
    store_title: str
    """The store as the library calls it"""
    command: tuple[str, ...]
    folder: Path
    lock: Path
    packages: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    runtime: tuple[str, ...] = ()
    """Command that prints the version of what it runs on, where no lock pins that"""

    @property
    def name(self) -> str:
        return f"{self.server}-{self.store}"

    def versions(self) -> dict[str, str]:
        """Of the packages that matter, as locked, and of the runtime."""
        found = {package: _locked(self.lock, package) for package in self.packages}
        if self.runtime:
            said = subprocess.run(self.runtime, capture_output=True, text=True, check=True).stdout
            found[self.runtime[0]] = said.strip().removeprefix("v")
        return found

    def describe(self) -> dict[str, Any]:
        return {
            "product": self.product,
            "platform": self.platform,
            "store": self.store_title,
            "folder": self.folder.relative_to(ROOT).as_posix(),
            "command": " ".join(self.command),
            "versions": self.versions(),
        }


@dataclass(frozen=True)
class Plan(Matrix):
    """The matrix of the targets and of the cells of our own beside them.

    What matrix.yml declares not applicable to a store is so for every target with that kind of store.
    """

    targets: Mapping[str, Target] = field(default_factory=dict)
    """By name: server and store"""
    beside: tuple[tuple[str, str], ...] = ()
    """Server and store of the cells of our own"""
    not_offered: tuple[tuple[Rule, frozenset[str]], ...] = ()
    """Routes that the apps of some targets do not have"""

    @classmethod
    def load(cls, file: Path = FILE) -> Self:
        """Raises MatrixError, naming the line that is wrong."""
        data, ours = read(file, TargetsFile, {}), Matrix.load()
        targets = {target.name: target for target in _targets(data.targets)}
        axes: dict[str, Sequence[str]] = {
            "server": [target.server for target in targets.values()],
            "store": [target.store for target in targets.values()],
            "browser": data.browsers,
        }
        plain = (rule for rule in ours.not_applicable if PLAIN in rule.match.get("mode", (PLAIN,)))
        return cls(
            servers=(*dict.fromkeys(axes["server"]), *ours.servers),
            stores=ours.stores,
            browsers=data.browsers,
            modes=(PLAIN,),
            excluded=(),
            not_applicable=(*_rules(data.not_applicable, axes, "not_applicable"), *plain),
            broken=_rules(data.known_breaks, axes, "known_breaks"),
            targets=targets,
            not_offered=tuple(_without_routes(data.not_offered, axes)),
            beside=tuple((server, store) for server, stores in data.beside.items() for store in stores),
        )

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        places = [*((target.server, target.store) for target in self.targets.values()), *self.beside]
        return tuple(Cell(*place, browser) for place in places for browser in self.browsers)

    @property
    def combinations(self) -> list[Cell]:
        """A target has its own stores; there is nothing to combine."""
        return list(self.cells)

    def named(self, names: Collection[str]) -> tuple[Cell, ...]:
        """The cells of these targets (`hono-node-cookie`, or `hono-node` for all its stores), or of "all".

        Raises MatrixError for a name that nothing has.
        """
        known = {name for cell in self.cells for name in (cell.server, f"{cell.server}-{cell.store}", "all")}
        if unknown := set(names) - known:
            raise MatrixError(
                f"targets.yml has no {', '.join(sorted(unknown))}; it has {', '.join(self.targets)}"
            )
        wanted = set(names)
        return tuple(
            cell for cell in self.cells if wanted & {"all", cell.server, f"{cell.server}-{cell.store}"}
        )

    def limit(self, cell: Cell, promise: str, test: str = "") -> Rule | None:
        known = needs.needs().get(test)  # none of a test of shared sessions
        needed = set(known.needs) if known else set[str]()
        lacking = (rule for rule, routes in self.not_offered if rule.matches(cell) and routes & needed)
        return next(lacking, None) or super().limit(cell, promise, test)

    def target(self, cell: Cell) -> Target | None:
        """None for a cell of our own."""
        return self.targets.get(f"{cell.server}-{cell.store}")


def _rules(lines: Sequence[Line], axes: Mapping[str, Sequence[str]], where: str) -> tuple[Rule, ...]:
    """A line that names no server is about all targets, but not about our own cells."""
    everywhere = {"server": tuple(dict.fromkeys(axes["server"]))}
    return tuple(
        replace(rule, match={**everywhere, **rule.match})
        for rule in rules(lines, axes, f"targets.yml, {where}")
    )


def _without_routes(
    lines: Sequence[NotOfferedLine], axes: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Rule, frozenset[str]]]:
    for line, rule in zip(lines, _rules(lines, axes, "not_offered"), strict=True):
        routes = frozenset(line.routes)
        if unknown := routes - protocol().by_name.keys():
            raise MatrixError(f"targets.yml: docs/judge.openapi.yaml lists no {', '.join(sorted(unknown))}")
        yield rule, routes


def _targets(lines: Mapping[str, TargetLine]) -> Iterator[Target]:
    for server, line in lines.items():
        for store, title in line.stores.items():
            yield Target(
                server=server,
                store=store,
                product=line.product,
                platform=line.platform,
                store_title=title,
                command=tuple(word.replace("{store}", store) for word in line.command.split()),
                folder=ROOT / line.folder,
                lock=ROOT / line.lock,
                packages=line.packages,
                environment=line.environment,
                runtime=tuple(line.runtime.split()),
            )


def _locked(lock: Path, package: str) -> str:
    if lock.suffix == ".json":
        return str(json.loads(lock.read_text())["packages"][f"node_modules/{package}"]["version"])
    found = re.search(rf"^{re.escape(package)}==([^\s;]+)", lock.read_text(), re.MULTILINE)
    if found is None:
        raise MatrixError(f"{lock} pins no {package}")
    return found[1]


def main() -> None:
    for target in Plan.load().targets.values():
        print(f"{target.name:<22} {target.product} on {target.platform}, {target.store_title}")


if __name__ == "__main__":
    main()
