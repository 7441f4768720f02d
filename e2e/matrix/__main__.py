"""What a run would take: `python -m e2e.matrix` lists the cells of `make e2e`.

`--full` lists all cells, `--github` prints the jobs of the CI workflow. `--check` says nothing if everything
exists that `--server=`, `--store=`, `--browser=`, `--mode=` and `--promise=` name. Else it says what exists.
"""

import argparse
import sys
from collections.abc import Sequence

from e2e.matrix.github_jobs import as_json
from e2e.matrix.matrix import AXES, Matrix
from e2e.matrix.selection import select_cells
from e2e.matrix.yaml_file import MatrixError
from e2e.promises import UnknownPromise, promise_named


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.matrix", description=__doc__)
    parser.add_argument("--github", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--check", action="store_true")
    for name in (*AXES, "promise"):
        parser.add_argument(f"--{name}", action="append", default=[])
    given = parser.parse_args(arguments)
    wanted: dict[str, list[str]] = {axis: getattr(given, axis) for axis in AXES}
    try:
        matrix = Matrix.load()
        for word in given.promise:
            promise_named(word)
        extents = select_cells(matrix, wanted, full=given.full).cells
    except (MatrixError, UnknownPromise) as problem:
        print(problem, file=sys.stderr)
        return 2
    if given.github:
        print(as_json(matrix))
    elif not given.check:
        for cell, extent in extents.items():
            print(cell.id if extent == "all" else f"{cell.id} ({extent})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
