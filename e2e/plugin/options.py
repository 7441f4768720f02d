"""The command line of the browser tests, and the matrix and the cells that it asks for."""

import pytest

from e2e.judge import offer
from e2e.judge.plan import STAND_INS, Judged
from e2e.matrix.matrix import AXES, Matrix
from e2e.matrix.selection import Selection, select_cells
from e2e.plugin.missing_here import missing_here
from e2e.targets.plan import Plan


def add(parser: pytest.Parser) -> None:
    group = parser.getgroup("matrix", "Parts of the matrix; each may be repeated")
    for axis in AXES:
        # pytest-playwright's own --browser knows engines only.
        name = "--in-browser" if axis == "browser" else f"--{axis}"
        group.addoption(name, dest=f"cell_{axis}", action="append", default=[], help=f"Only this {axis}.")
    group.addoption("--full", action="store_true", help="All cells and all their tests, not the selection.")
    group.addoption(
        "--target",
        action="append",
        default=[],
        help="Not matrix.yml's cells but this target of targets.yml: hono-node-cookie, hono-node or all.",
    )
    group.addoption(
        "--url", default="", help="Not matrix.yml's cells but a server that runs at this address."
    )
    group.addoption(
        "--kept",
        default="server-side",
        choices=STAND_INS,
        help="Where the server of --url keeps its sessions.",
    )
    group.addoption(
        "--note-needs", action="store_true", help="Note what each test asks, in judge/needs.json."
    )
    group.addoption("--promise", action="append", default=[], help="Only tests of this promise, e.g. ROT-1.")


def wanted(config: pytest.Config) -> dict[str, list[str]]:
    """Axis → the names that were asked for."""
    return {axis: config.getoption(f"cell_{axis}") or [] for axis in AXES}


def matrix_of(config: pytest.Config) -> Matrix:
    """Raises MatrixError, and NotJudgeable for a server at --url that does not answer."""
    if config.option.url:
        return Judged.of(offer.ask(config.option.url), config.option.kept)
    return Plan.load() if config.option.target else Matrix.load()


def selection_of(config: pytest.Config, matrix: Matrix) -> Selection:
    """Raises MatrixError for names that there are not."""
    if isinstance(matrix, Judged):
        return Selection(dict.fromkeys(matrix.cells, "all"))
    if isinstance(matrix, Plan):
        return Selection(dict.fromkeys(matrix.named(config.option.target), "all"))
    return select_cells(matrix, wanted(config), full=config.option.full, missing_here=missing_here)


def narrowed(config: pytest.Config) -> str:
    """What of the cells' tests was asked for, in words; nothing if all were."""
    option = config.option
    said = [
        *(f"promise {name}" for name in option.promise),
        *([f"-k {option.keyword!r}"] if option.keyword else []),
        *([f"-m {option.markexpr!r}"] if option.markexpr else []),
        *([] if _is_whole(config) else config.args),
        *(["those that failed last"] if option.lf else []),
    ]
    return ", ".join(map(str, said))


def _is_whole(config: pytest.Config) -> bool:
    folder = config.rootpath
    whole = {folder, folder / "tests"}
    return all((config.invocation_params.dir / argument).resolve() in whole for argument in config.args)
