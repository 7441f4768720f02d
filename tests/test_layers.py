"""Who may import whom in `sessions/`, and that docs/architecture.md says the same."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from pages import PAGES, blocks, name_of

import sessions._commit
from sessions._work import Phase, Standing

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sessions"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")

LAYERS: dict[str, tuple[str, str]] = {
    "testing": (
        "testing/__init__ testing/plugin testing/bound_browser testing/client_session"
        " testing/make_session testing/seen testing/clients testing/finding testing/visit"
        " testing/conformance testing/machine testing/owners testing/overview testing/emergency"
        " testing/requests testing/races testing/processes testing/expiry testing/records testing/kit",
        "request session stores carriers ground",
    ),
    "package": (
        "__main__ _command_line _commands _statistics _progress __init__",
        "request session stores ground",
    ),
    "request": (
        "_middleware _moving _devices _device_endpoint _response _new_seal _second_cookies _purge",
        "moving session commit stores carriers ground",
    ),
    "moving": (
        "moving/__init__ moving/_starsessions moving/_starlette moving/_flask_session moving/_flask"
        " moving/_django moving/_asgi_sessions moving/_signatures moving/_content moving/_old_cookie",
        "ground",
    ),
    "session": ("typed _lookup _excluded _session _templates", "commit carriers ground"),
    "commit": ("_commit _turns _adopt _work _changes", "carriers ground"),
    "stores": (
        "stores/walk stores/__init__ stores/encrypted stores/urls stores/redis/__init__ stores/redis/_cluster"
        " stores/redis/_server stores/redis/_connections stores/redis/_walk stores/redis/_commands"
        " stores/redis/_value stores/redis/_faults stores/postgres/__init__"
        " stores/postgres/_pool stores/postgres/_faults stores/sqlalchemy/__init__ stores/sqlalchemy/_engine"
        " stores/sqlalchemy/_ways stores/sqlalchemy/_faults stores/sqlalchemy/_table stores/sqlite/__init__"
        " stores/sqlite/_writes stores/sqlite/_reads stores/sqlite/_file"
        " stores/memory stores/cookie stores/base stores/files stores/forks stores/loops",
        "carriers ground",
    ),
    "carriers": (
        "_carriers/__init__ _carriers/hono _carriers/content _carriers/id _carriers/limit _carriers/chain"
        " _carriers/base",
        "ground",
    ),
    "ground": (
        "_encryption _binding _proof _keys _cookie _cookie_header _caching _record _device _stamp _lifetime"
        " _json _events _hidden _asgi iron errors",
        "",
    ),
}
"""Layer → its files, and the layers that they may import. In its own layer a file may import what is to its
right."""

FILES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
LAYER_OF = {file: layer for layer, (files, _) in LAYERS.items() for file in files.split()}


def imported(file: str, source: str) -> Iterator[str]:
    """The files of the package that a source imports, wherever in it: in functions and for types too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file} has a relative import in line {node.lineno}"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *parts = name.split(".")
            if top == "sessions":
                yield file_of(parts)


def file_of(parts: list[str]) -> str:
    """`["_carriers", "id", "keys_for"]` → `_carriers/id`"""
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length])
        for file in (path, f"{path}/__init__"):
            if file in FILES:
                return file
    return "__init__"


IMPORTS = {file: set(imported(file, source)) - {file} for file, source in FILES.items()}


def test_every_file_is_in_one_layer() -> None:
    listed = [file for files, _ in LAYERS.values() for file in files.split()]
    assert sorted(listed) == sorted(FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_file_imports_only_what_it_may(file: str) -> None:
    layer = LAYER_OF[file]
    files, below = LAYERS[layer]
    own = files.split()
    allowed = {*own[own.index(file) + 1 :], *(each for each in FILES if LAYER_OF[each] in below.split())}
    assert IMPORTS[file] <= allowed


def test_there_is_no_circle() -> None:
    order = list(TopologicalSorter(IMPORTS).static_order())  # raises CycleError
    assert order.index("_record") < order.index("_commit") < order.index("_middleware")


def test_imports_are_found_wherever_they_stand() -> None:
    source = """
import sessions.stores
from sessions import iron
from sessions._carriers import Carrier
from sessions._carriers.id import keys_for
if TYPE_CHECKING:
    from sessions._session import Session
def f():
    from sessions.stores.redis import RedisStore
    from sessions import SessionMiddleware
    import sessions.errors, starlette
"""
    assert set(imported("x", source)) == {
        "stores/__init__",
        "iron",
        "_carriers/__init__",
        "_carriers/id",
        "_session",
        "stores/redis/__init__",
        "__init__",
        "errors",
    }
    with pytest.raises(AssertionError, match="relative import in line 1"):
        list(imported("x", "from ._record import Record"))


# -- what the page says ------------------------------------------------------------------------------


def test_the_page_has_the_same_table() -> None:
    rows = re.findall(r"^\| (\w+) \| ((?:`[\w/]+` ?)+) \|(.*)\|$", ARCHITECTURE, re.MULTILINE)
    table = {layer: (files.replace("`", "").strip(), below.strip()) for layer, files, below in rows}
    assert table == LAYERS
    assert list(table) == list(LAYERS)


def test_the_page_has_the_state_diagram_of_the_code() -> None:
    (diagram,) = [
        block for block in re.findall(r"```\n(.*?)```", ARCHITECTURE, re.DOTALL) if "LIVE ◄" in block
    ]
    code = [line.strip() for line in (inspect.getdoc(sessions._commit) or "").splitlines()]
    for line in diagram.splitlines():
        assert line.strip() in code


@pytest.mark.parametrize("kind", [Standing, Phase])
def test_the_page_explains_each_state(kind: type[Standing | Phase]) -> None:
    head = kind.__name__.lower()
    (table,) = re.findall(rf"^\| {head} \| meaning .*\n\|[ |-]+\n((?:\|.*\n)+)", ARCHITECTURE, re.MULTILINE)
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE) == [each.name for each in kind]


def test_the_pages_name_files_that_exist() -> None:
    named = {
        (page.name, name)
        for page in PAGES
        for name in re.findall(
            r"`((?:sessions/)?(?:_carriers/|stores/|testing/)?\w+\.py)`", page.read_text("utf-8")
        )
    }
    assert len(named) >= 15
    files = {f"{file}.py" for file in FILES} | {"app.py", "sessions.py"}  # the latter two are the reader's
    missing = {(page, name) for page, name in named if name.removeprefix("sessions/") not in files}
    assert not missing


def test_no_example_imports_what_is_private() -> None:
    found = [block for page in PAGES for block in blocks(page) if block.is_python]
    assert {name_of(block.page) for block in found} >= {"README.md", "docs/stores.md"}
    for block in found:
        private = [
            file for file in imported(str(block), block.source) if file.startswith("_") and file != "__init__"
        ]
        assert not private, f"{block} imports {private}"
        assert not re.search(r"\bsession\._\w", block.source), f"{block} uses what is private of a session"
