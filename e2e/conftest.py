"""The cell as a pytest parameter, and what every browser test gets: a server, a browser, fresh pages."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from slugify import slugify

from e2e.browser.context_pool import ContextPool, note_changed_contexts
from e2e.browser.launch_options import engine_of
from e2e.browser.page import UNTOUCHED
from e2e.browser.recording import Recording
from e2e.browser.running_browsers import RunningBrowsers
from e2e.browser.timeline import AT_ONCE, PACE, Timeline, is_on_the_timeline
from e2e.judge.noting import Notes, is_for_any_server
from e2e.judge.offer import NotJudgeable
from e2e.judge.server import RunningServer
from e2e.matrix.matrix import Cell, Matrix
from e2e.matrix.yaml_file import MatrixError
from e2e.plugin import options
from e2e.plugin.items import CELLS, cell_of, declared_not_applicable, has_failed, name_of
from e2e.plugin.register import register
from e2e.plugin.services import urls_of_services
from e2e.promises import UnknownPromise, promise_named
from e2e.report.results import FOLDER
from e2e.server.certificate import Certificate
from e2e.server.proxied_server import PROXIES, ProxiedServer
from e2e.server.server import WITH_TLS, Server
from e2e.targets.plan import Plan, Target
from e2e.targets.server import TargetServer

MATRIX = pytest.StashKey[Matrix]()
NOTES = pytest.StashKey[Notes | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "promise(*ids): what the test checks, e.g. 'ROT-1' or 'SAVE-3: saved late'",
        "core: one of the tests that run also where matrix.yml selects only the core set, or a part of it",
        "only(**axes): the test is for cells of these names only, e.g. mode='https'",
    ):
        config.addinivalue_line("markers", line)
    note_changed_contexts()
    try:
        config.option.promise = [promise_named(word) for word in config.option.promise]
        matrix = options.matrix_of(config)
        selection = options.selection_of(config, matrix)
    except (MatrixError, NotJudgeable, UnknownPromise) as error:
        raise pytest.UsageError(str(error)) from None
    # pytest-playwright makes a parameter, `browser_name`, of what --browser lists. Here it is the whole cell.
    config.option.browser = [cell.id for cell in selection.cells]
    config.stash[MATRIX] = matrix
    config.stash[NOTES] = Notes() if config.option.note_needs else None
    targets = {cell.id: target.describe() for cell in selection.cells if (target := target_of(config, cell))}
    register(config, matrix, selection, targets)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (notes := session.config.stash[NOTES]) and (unknown := notes.save()):
        session.config.get_terminal_writer().line(
            f"Not in docs/judge.openapi.yaml: {', '.join(unknown)}", red=True
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def target_of(config: pytest.Config, cell: Cell) -> Target | None:
    """None for a server of our own."""
    matrix = config.stash[MATRIX]
    return matrix.target(cell) if isinstance(matrix, Plan) else None


@pytest.fixture(scope="session")
def browser_name(request: pytest.FixtureRequest) -> str:
    """The id of the cell; pytest-playwright's own fixture is the name of an engine."""
    return str(request.param)


@pytest.fixture(scope="session")
def cell(browser_name: str, pytestconfig: pytest.Config) -> Cell:
    return pytestconfig.stash[CELLS][browser_name]


@pytest.fixture(scope="session")
def running_browsers(
    playwright: Playwright,
    browser_type_launch_args: dict[str, Any],
    pytestconfig: pytest.Config,
    tls: Certificate,
) -> Iterator[RunningBrowsers]:
    headed = pytestconfig.option.headed
    with closing(RunningBrowsers(playwright, browser_type_launch_args, tls, headed=headed)) as browsers:
        yield browsers


@pytest.fixture(scope="session")
def browser(cell: Cell, running_browsers: RunningBrowsers) -> Iterator[Browser]:
    yield running_browsers.take(cell.browser, binds=cell.binds)
    running_browsers.give_back(cell.browser, binds=cell.binds)


@pytest.fixture(scope="session")
def folder(cell: Cell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For whatever the cell's server keeps on disk."""
    return tmp_path_factory.mktemp(cell.id)


@pytest.fixture(scope="session")
def key() -> str:
    """The encryption key that all servers of this run use."""
    return secrets.token_urlsafe(48)


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def start_server(
    cell: Cell, key: str, tls: Certificate, pytestconfig: pytest.Config
) -> Callable[..., Server]:
    """Start a server of the cell's kind: `start_server(folder, log=…, services=…, key=…)`.

    A server of our own also takes `port` and `mode`, one behind a proxy `root_path=True` and `strips=True`.
    """

    def start_server(
        folder: Path,
        *,
        log: str = "",
        services: Mapping[str, str] | None = None,
        key: str = key,
        port: int = 0,
        mode: str = cell.mode,
        **mounted: bool,
    ) -> Server:
        urls = services or urls_of_services(pytestconfig)
        store = pytestconfig.stash[MATRIX].stores[cell.store].format(folder=folder, **urls)
        file = FOLDER / "servers" / f"{cell.id}{log}.log"
        if url := pytestconfig.option.url:
            return RunningServer(url, file)
        if target := target_of(pytestconfig, cell):
            return TargetServer(target, store, key=key, folder=folder, log=file)
        if cell.mode in PROXIES:
            return ProxiedServer(
                cell.server, store, key=key, folder=folder, log=file, mode=cell.mode, tls=tls, **mounted
            )
        return Server(
            cell.server,
            store,
            key=key,
            folder=folder,
            log=file,
            mode=mode,
            port=port,
            tls=tls if mode in WITH_TLS else None,
            pace=PACE[engine_of(cell.browser)],
        )

    return start_server


@pytest.fixture(scope="session")
def server(folder: Path, start_server: Callable[..., Server]) -> Iterator[Server]:
    """The cell's server; all tests of the cell share it."""
    with start_server(folder) as running:
        yield running


@pytest.fixture(scope="session")
def browser_context_args(cell: Cell, browser_context_args: dict[str, Any], server: Server) -> dict[str, Any]:
    # A small window, as without a graphics card every pixel is work; screenshots show the whole page.
    window = {"viewport": {"width": 640, "height": 480}}
    certificate = {"ignore_https_errors": not cell.binds}
    return {**browser_context_args, **window, **certificate, "base_url": server.url}


@pytest.fixture(scope="session", autouse=True)
def delete_output_dir() -> None:
    """The collector empties the report's folder once; pytest-playwright would in each worker, mid-run."""


@pytest.fixture(scope="session")
def context_pool(
    cell: Cell, browser: Browser, browser_context_args: dict[str, Any], server: Server
) -> Iterator[ContextPool | None]:
    """None where a test may leave more behind than can be wiped: other engines, kept pages, several sites."""
    if cell.browser != "chromium" or server.url.startswith("https:"):
        yield None
        return
    home = f"{server.url}{server.prefix}{UNTOUCHED}"
    with closing(ContextPool(partial(browser.new_context, **browser_context_args), home)) as pool:
        yield pool


@pytest.fixture(scope="session")
def record(
    browser: Browser,
    browser_context_args: dict[str, Any],
    context_pool: ContextPool | None,
    pytestconfig: pytest.Config,
) -> Callable[[pytest.Item], Recording]:
    option = pytestconfig.option

    def record(item: pytest.Item) -> Recording:
        folder = Path(option.output) / slugify(item.nodeid)
        notes = pytestconfig.stash[NOTES]
        watch = None
        if notes and isinstance(item, pytest.Function) and is_for_any_server(item):
            watch = notes.of(name_of(item), item)
        return Recording(
            browser,
            browser_context_args,
            folder,
            option.tracing,
            option.screenshot,
            context_pool,
            watch=watch,
        )

    return record


@pytest.fixture
def recording(
    request: pytest.FixtureRequest, record: Callable[[pytest.Item], Recording]
) -> Iterator[Recording]:
    recording = record(request.node)
    yield recording
    recording.close(failed=has_failed(request.node))
    request.node.user_properties += recording.properties


@pytest.fixture
def new_context(recording: Recording) -> Callable[..., BrowserContext]:
    """Open a browser with settings, caches and connections of its own."""
    return recording.new_context


@pytest.fixture
def new_page(recording: Recording) -> Callable[[], Page]:
    """Open another browser, as far as cookies are concerned."""
    return recording.new_page


@pytest.fixture
def page(new_page: Callable[[], Page]) -> Page:
    return new_page()


@pytest.fixture(scope="session")
def timeline(
    request: pytest.FixtureRequest, cell: Cell, record: Callable[[pytest.Item], Recording]
) -> Timeline:
    """The cell's tests that wait for something to expire, all under way at once."""
    peers = (
        item
        for item in request.session.items
        if is_on_the_timeline(item) and cell_of(item) == cell and not declared_not_applicable(item)
    )
    at_once = AT_ONCE[engine_of(cell.browser)]
    if target_of(request.config, cell):
        # Libraries that write at each request take longer over each step.
        return Timeline(peers, record, at_once=min(at_once, 4))
    return Timeline(peers, record, at_once=at_once, pace=PACE[engine_of(cell.browser)])
