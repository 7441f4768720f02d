"""Which cells a run takes: what matrix.yml selects, all of them, or those that were asked for by name."""

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from e2e import browsers
from e2e.matrix import AXES, Cell, Extent, Matrix

USUAL = ("browser", "mode")
"""Whoever names only a server or a store means the first browser and mode of matrix.yml."""


@dataclass(frozen=True)
class Selection:
    """`absent` are the optional cells that the machine cannot run, with the reason."""

    cells: Mapping[Cell, Extent]
    absent: Mapping[Cell, str] = field(default_factory=dict[Cell, str])


def select(matrix: Matrix, wanted: Mapping[str, Collection[str]], *, full: bool = False) -> Selection:
    """The cells with one of the `wanted` names on each axis; no name stands for all. Raises MatrixError."""
    if not full and not any(wanted.values()):
        return Selection(matrix.default)
    if not full:
        usual = {axis: [next(iter(getattr(matrix, f"{axis}s")))] for axis in USUAL}
        wanted = {axis: wanted[axis] or usual.get(axis, ()) for axis in AXES}
    cells = matrix.select(*(wanted[axis] for axis in AXES))
    named = {name for names in wanted.values() for name in names}
    # What was asked for by name has to be there; the full matrix takes what there is.
    missing = {
        name: why
        for axis in AXES
        for name in matrix.optional.get(axis, ())
        if name not in named and (why := missing_here(axis, name))
    }
    absent = {
        cell: missing[name] for cell in cells for axis in AXES if (name := getattr(cell, axis)) in missing
    }
    return Selection(dict.fromkeys((cell for cell in cells if cell not in absent), "all"), absent)


def missing_here(axis: str, name: str) -> str | None:
    """Why this machine has no such browser or store."""
    if axis == "browser":
        try:
            browsers.find(name)
        except browsers.BrowserMissing as problem:
            return str(problem)
    if name == "mariadb" and not os.environ.get("MARIADB_URL"):
        path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
        if shutil.which("mariadbd", path=path) is None:
            return "no mariadbd is installed, and MARIADB_URL is not set"
    return None
