"""What the plugin knows of a pytest item: its cell, its promises, and what cannot hold there."""

from collections.abc import Iterable, Mapping, Sequence

import pytest

from e2e.matrix.matrix import Cell
from e2e.matrix.selection import Test

CELLS = pytest.StashKey[Mapping[str, Cell]]()
"""The cells of the run by their ids."""
LIMITS = pytest.StashKey[dict[str, str]]()
"""Of an item: promise → why it is not applicable in its cell."""
SHOWN = pytest.StashKey[bool]()
"""Of an item: whether it runs nevertheless, to show the limit itself."""
FAILED = pytest.StashKey[bool]()

USAGE_ERROR = "usage error"
"""Under this key a worker of xdist tells what it cannot raise: there that would be an internal error."""


def cell_of(item: pytest.Item) -> Cell:
    return item.config.stash[CELLS][item.callspec.params["browser_name"]]  # type: ignore[attr-defined]


def cell_in(nodeid: str, cells: Iterable[Cell]) -> str:
    """The id of the cell that a test's own id names in its brackets."""
    parameters = f"-{nodeid.partition('[')[2].rstrip(']')}-"  # the test's own ones may come first
    return max((cell.id for cell in cells if f"-{cell.id}-" in parameters), key=len, default=nodeid)


def name_of(item: pytest.Item) -> str:
    """The test's name, with its own parameters in brackets if it has any, and without the cell."""
    return item.name.replace(cell_of(item).id, "", 1).replace("[-", "[").replace("[]", "")


def test_of(item: pytest.Item) -> Test:
    """The test as the selection sees it."""
    only: dict[str, str | Sequence[str]] = {}
    for marker in item.iter_markers("only"):  # the nearest first, which comes before those around it
        only = {**marker.kwargs, **only}
    return Test(name_of(item), only)


def core_of(items: Iterable[pytest.Item]) -> list[str]:
    """The names of the tests in the core set."""
    return list(dict.fromkeys(name_of(item) for item in items if item.get_closest_marker("core")))


def promises_of(item: pytest.Item) -> list[str]:
    """With their aspects, as the test names them."""
    return [name for marker in item.iter_markers("promise") for name in marker.args]


def declared_not_applicable(item: pytest.Item) -> bool:
    """Whether nothing is left of the test in its cell, so that it is not run."""
    return not item.stash[SHOWN] and all(name in item.stash[LIMITS] for name in promises_of(item))


def has_failed(item: pytest.Item) -> bool:
    """Whether the test has failed so far."""
    return item.stash.get(FAILED, False)
