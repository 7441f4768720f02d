"""The cell as a pytest parameter, and what every browser test gets: a server, a browser, fresh pages."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext
from slugify import slugify

from e2e import browsers, reporter
from e2e.matrix import Cell, Matrix, MatrixError
from e2e.overlap import Timeline, is_overlapping
from e2e.recording import Recording
from e2e.reporter import cell_of, declared_not_applicable, has_failed
from e2e.results import FOLDER
from e2e.server import Server
from e2e.targets.plan import Plan, Target
from e2e.targets.server import TargetServer

MATRIX = pytest.StashKey[Matrix]()


class Boot(Protocol):
    def __call__(self, folder: Path, name: str = "", key: str = ...) -> Server: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("matrix", "Parts of the matrix (and --browser); each may be repeated")
    group.addoption("--server", action="append", default=[], help="Only on this ASGI server.")
    group.addoption("--store", action="append", default=[], help="Only on this session store.")
    group.addoption("--promise", action="append", default=[], help="Only tests of this promise, e.g. ROT-1.")

    group.addoption(
        "--target",
        action="append",
        default=[],
        help="Not matrix.yml's cells but this target of targets.yml: hono-node-cookie, hono-node or all.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "promise(*ids): what the test checks, e.g. 'ROT-1' or 'SAVE-3: saved late'"
    )
    config.addinivalue_line(
        "markers", "shared_session: two servers, the cell's target and our own, one session"
    )
    matrix = Plan.load() if config.option.target else Matrix.load()
    # pytest-playwright makes a parameter of --browser. Without the option the matrix names the browsers.
    config.option.browser = config.option.browser or list(matrix.browsers)
    try:
        if isinstance(matrix, Plan):
            cells = matrix.named(config.option.target)
        else:
            cells = matrix.select(config.option.server, config.option.store, config.option.browser)
    except MatrixError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[MATRIX] = matrix
    targets = {cell.id: target.describe() for cell in cells if (target := target_of(config, cell))}
    reporter.register(config, matrix, cells, targets)


def target_of(config: pytest.Config, cell: Cell) -> Target | None:
    """None for a server of our own."""
    matrix = config.stash[MATRIX]
    return matrix.target(cell) if isinstance(matrix, Plan) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cell" in metafunc.fixturenames:
        cells = metafunc.config.stash[reporter.CELLS]
        if metafunc.definition.get_closest_marker("shared_session"):
            cells = [cell for cell in cells if shares_sessions(metafunc.config, cell)]
        places = dict.fromkeys((cell.server, cell.store) for cell in cells)
        metafunc.parametrize("cell", list(places), indirect=True, scope="session", ids="-".join)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Sessions are shared with targets only, and with those that can."""
    if collection_path.name != "shared_sessions":
        return None
    return None if any(shares_sessions(config, cell) for cell in config.stash[reporter.CELLS]) else True


def shares_sessions(config: pytest.Config, cell: Cell) -> bool:
    """Whether the cell's target reads the sealed cookies of our cookie store."""
    return cell.store == "cookie" and "hono-sessions" in (getattr(target_of(config, cell), "packages", ()))


@pytest.fixture(scope="session")
def cell(request: pytest.FixtureRequest, browser_name: str) -> Cell:
    server, store = request.param
    return Cell(server, store, browser_name)


@pytest.fixture(scope="session")
def folder(cell: Cell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For whatever the cell's server keeps on disk."""
    return tmp_path_factory.mktemp(cell.id)


@pytest.fixture(scope="session")
def key() -> str:
    """The encryption key that all servers of this run use."""
    return secrets.token_urlsafe(48)


@pytest.fixture(scope="session")
def boot(cell: Cell, key: str, pytestconfig: pytest.Config) -> Boot:
    """Start the cell's server, with what it keeps in a folder. `name` sets its log apart from others."""

    def boot(folder: Path, name: str = "", key: str = key) -> Server:
        log = FOLDER / "servers" / f"{cell.id}{name}.log"
        if target := target_of(pytestconfig, cell):
            return TargetServer(target, key=key, folder=folder, log=log)
        store = pytestconfig.stash[MATRIX].stores[cell.store].format(folder=folder)
        return Server(cell.server, store, key=key, folder=folder, log=log)

    return boot


@pytest.fixture(scope="session")
def server(boot: Boot, folder: Path) -> Iterator[Server]:
    """The cell's server; all tests of the cell share it."""
    with boot(folder) as running:
        yield running


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], browser_name: str, pytestconfig: pytest.Config
) -> dict[str, Any]:
    found = browsers.find(browser_name, headed=pytestconfig.option.headed)
    return {**browser_type_launch_args, **found.launch_options()}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any], server: Server) -> dict[str, Any]:
    return {**browser_context_args, "base_url": server.url}


@pytest.fixture(scope="session", autouse=True)
def delete_output_dir() -> None:
    """The reporter empties the report's folder once; pytest-playwright would in each worker, mid-run."""


@pytest.fixture(scope="session")
def record(
    browser: Browser, browser_context_args: dict[str, Any], pytestconfig: pytest.Config
) -> Callable[[pytest.Item], Recording]:
    options = pytestconfig.option

    def record(item: pytest.Item) -> Recording:
        folder = Path(options.output) / slugify(item.nodeid)
        return Recording(browser, browser_context_args, folder, options.tracing, options.screenshot)

    return record


@pytest.fixture
def new_context(
    request: pytest.FixtureRequest, record: Callable[[pytest.Item], Recording]
) -> Iterator[Callable[..., BrowserContext]]:
    """Open another browser, as far as cookies are concerned. `context` and `page` come from here too."""
    recording = record(request.node)
    yield recording.new_context
    recording.close(failed=has_failed(request.node))
    request.node.user_properties += recording.properties


@pytest.fixture(scope="session")
def timeline(
    request: pytest.FixtureRequest, cell: Cell, record: Callable[[pytest.Item], Recording]
) -> Timeline:
    """The cell's tests that wait for something to expire, all under way at once."""
    peers = (
        item
        for item in request.session.items
        if is_overlapping(item) and cell_of(item) == cell and not declared_not_applicable(item)
    )
    return Timeline(peers, record, at_once=4 if target_of(request.config, cell) else None)
