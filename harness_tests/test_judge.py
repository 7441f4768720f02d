"""The judge: pages, adapters and browser tests speak of the same routes; and what it tells of a server."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from e2e.judge import needs, offer, page, summary
from e2e.judge.__main__ import main
from e2e.judge.offer import NotJudgeable, Offer
from e2e.judge.plan import Judged
from e2e.judge.protocol import PAGE as OPENAPI
from e2e.judge.protocol import protocol
from e2e.matrix.matrix import PLAIN
from e2e.report.results import CellResult, Results, TestResult
from e2e.targets.python.on_starlette import OnStarlette
from e2e.targets.python.routes import Peer, outside
from reference_server import control
from reference_server.app import ROUTES
from reference_server.gates import Gates, Outcomes
from reference_server.profiles import PROFILES, ROOT

PROJECT = Path(__file__).parent.parent
ADAPTER = PROJECT / "docs" / "judge_adapter.py"
BROWSER_TESTS = sorted(
    file for file in (PROJECT / "e2e" / "tests").rglob("test_*.py") if file.parent.name != "shared"
)
STEERED_BY = {"GET /lab/outcome/{token}"}
"""Routes that the tests' own process asks, and no page."""


def names_of(routes: list[object]) -> set[str]:
    found: set[str] = set()
    for route in routes:
        if isinstance(route, WebSocketRoute):
            found.add(f"GET {route.path}")
        elif isinstance(route, Route):
            found |= {f"{method} {route.path}" for method in (route.methods or set()) - {"HEAD"}}
        elif isinstance(route, Mount):
            found.add(f"GET {route.path}/{{file}}")
    return found


KNOWN = set(protocol().by_name)


class TestOneProtocol:
    def test_the_pages_are_as_they_are_written_from_the_tests_needs(self) -> None:
        for file, write in ((OPENAPI, page.openapi), (page.GUIDE, page.guide)):
            text = file.read_text()
            assert write(text) == text, f"python -m e2e.judge.page writes {file.name} anew"

    def test_the_tests_use_exactly_these_routes(self) -> None:
        used = {name for test in needs.needs().values() for name in test.routes}
        assert used | STEERED_BY == KNOWN

    def test_each_browser_test_of_the_plain_mode_has_been_noted(self) -> None:
        noted = {name.partition("[")[0] for name in needs.needs()}
        assert plain_tests() - noted == set(), "make judge-needs"
        assert noted - all_tests() == set(), "needs.json speaks of tests that are no more"

    def test_what_each_test_checks_has_been_noted(self) -> None:
        for file in BROWSER_TESTS:
            for test, promises in promises_in(file):
                noted = [line for name, line in needs.needs().items() if name.partition("[")[0] == test]
                assert {line.promises for line in noted} <= {promises}, test

    def test_the_reference_server_has_them_all(self, tmp_path: Path) -> None:
        gates, outcomes = Gates(tmp_path), Outcomes(tmp_path)
        had = names_of([*ROUTES, *control.routes_of(ROOT, gates, outcomes), Mount("/static", routes=[])])
        assert KNOWN - had == set()

    def test_the_profiles_are_those_of_the_reference_server(self) -> None:
        ours = {profile.prefix for profile in PROFILES}
        assert {profile.prefix for profile in protocol().profiles} <= ours

    def test_the_empty_adapter_has_them_all_and_no_others(self) -> None:
        written = re.findall(r'^    "((?:GET|POST) \S+)": ', ADAPTER.read_text(), re.MULTILINE)
        assert set(written) == KNOWN
        assert len(written) == len(KNOWN)

    def test_the_python_adapters_have_no_others(self, tmp_path: Path) -> None:
        gates, outcomes = Gates(tmp_path), Outcomes(tmp_path)
        peer = Peer(OnStarlette("key"), "", gates, outcomes)
        has = names_of([*peer.routes(), *outside(gates, outcomes)])
        assert {name for name in has if not protocol().find(*name.split(" "))} == set()
        assert len(has) > 30

    @pytest.mark.parametrize("file", ["node/routes.js", "hono/app.js"])
    def test_the_javascript_adapters_have_no_others(self, file: str) -> None:
        text = (PROJECT / "e2e" / "targets" / file).read_text()
        has = [
            f"{method.upper()} {path}" for method, path in re.findall(r"app\.(get|post)\('(/[^']*)'", text)
        ]
        has += re.findall(r"^  '((?:GET|POST) /\S*)':", text, re.MULTILINE)
        has = [re.sub(r":(\w+)", r"{\1}", name) for name in has]
        assert [name for name in has if not protocol().find(*name.split(" "))] == []
        assert len(has) > 30


def promises_in(file: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            named = [
                str(argument.value).partition(":")[0]
                for call in node.decorator_list
                if isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id == "promise"
                for argument in call.args
                if isinstance(argument, ast.Constant)
            ]
            yield node.name, tuple(sorted(set(named)))


def all_tests() -> set[str]:
    return {test for file in BROWSER_TESTS for test, _ in promises_in(file)}


def plain_tests() -> set[str]:
    """Those that run in a cell of the mode http, in the headless Chromium, whose store is no database."""
    found: set[str] = set()
    for file in BROWSER_TESTS:
        text = file.read_text()
        if re.search(r"^pytestmark = only\(", text, re.MULTILINE):
            continue
        aliases = dict(re.findall(r"^(\w+) = (only\(.*\))$", text, re.MULTILINE))
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                written = map(ast.unparse, node.decorator_list)
                marks = " ".join(aliases.get(mark, mark) for mark in written).replace('"', "'")
                if "only(" not in marks or f"only(mode='{PLAIN}'" in marks:
                    found.add(node.name)
    return found


@contextmanager
def serving(status: int, body: bytes = b"") -> Iterator[str]:
    """A server that answers everything with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class TestWhatIsOffered:
    @pytest.mark.parametrize("status", [500, 404])
    def test_a_server_that_does_nothing_right_is_told_in_ten_lines(
        self, status: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with serving(status) as url:
            assert main([url]) != 0
        told = "".join(capsys.readouterr())
        assert len(told.splitlines()) <= 10
        assert "GET /lab/untouched" in told
        assert "docs/judge.md" in told
        assert ("it answers 500" if status == 500 else "it is not there") in told

    def test_a_server_that_is_not_there_is_told_in_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        with serving(200) as url:
            pass
        assert main([url]) != 0
        (line,) = "".join(capsys.readouterr()).splitlines()
        assert url in line

    @pytest.mark.parametrize(
        "arguments", [[], ["127.0.0.1:3000"], ["https://127.0.0.1"], ["http://a", "--store=x"]]
    )
    def test_a_wrong_address_or_store_is_told(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(arguments) != 0
        assert "http://127.0.0.1:3000" in capsys.readouterr().err

    def test_a_server_that_has_been_judged_is_to_be_started_anew(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with serving(200, b'{"waiting": 0, "open": true}') as url:
            assert main([url]) != 0
        assert "Start it anew" in capsys.readouterr().err

    def test_whoever_answers_all_offers_all(self) -> None:
        with serving(200) as url:
            assert offer.ask(url).missing == ()

    def test_the_empty_adapter_says_what_is_missing(self) -> None:
        command = [sys.executable, "-u", str(ADAPTER), "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout
                url = server.stdout.readline().split()[-1]
                with pytest.raises(NotJudgeable) as told:
                    offer.ask(url)
            finally:
                server.terminate()
        assert "GET /lab/get/{key}: it is not there" in str(told.value)
        assert "GET /lab/untouched" not in str(told.value), "that one is written"


class TestWhatIsAsked:
    def limit(
        self, test: str, promise: str, missing: tuple[str, ...] = (), store: str = "server-side"
    ) -> str:
        judged = Judged.of(Offer("http://judged", missing), store)
        (cell,) = judged.cells
        rule = judged.limit(cell, promise, test)
        return rule.reason if rule else ""

    def test_all_that_is_offered(self) -> None:
        assert self.limit("test_the_verbs", "OBJ-2") == ""

    def test_not_what_needs_a_route_that_is_missing(self) -> None:
        reason = self.limit("test_the_verbs", "OBJ-2", ("POST /lab/update/{key}", "GET /lab/ws"))
        assert reason == "Not offered: POST /lab/update/{key}."

    def test_not_what_needs_a_profile_that_is_missing(self) -> None:
        reason = self.limit("test_activity_extends_it", "EXP-2", ("profile /short",))
        assert reason == "Not offered: the routes under /short."

    def test_not_what_needs_the_process_or_its_log(self) -> None:
        assert (
            self.limit("test_sessions_outlive_a_restart", "SAVE-5") == "Not offered: control of its process."
        )
        log = self.limit("test_one_log_line_tells_of_it_and_shows_no_secret", "BAD-1")
        assert log == "Not offered: control of its log."

    def test_not_what_no_session_in_a_cookie_can_keep(self) -> None:
        assert self.limit("test_the_old_id_is_anonymous", "ROT-1") == ""
        assert "old cookie" in self.limit("test_the_old_id_is_anonymous", "ROT-1", store="cookie")

    def test_a_test_that_was_never_noted_is_told(self) -> None:
        with pytest.raises(LookupError, match="make judge-needs"):
            self.limit("test_that_nobody_knows", "ROT-1")


@pytest.fixture
def results() -> Results:
    failed = TestResult(
        "judged-server-side-chromium",
        "test_the_old_id_is_anonymous",
        "tests/test_rotation.py",
        {"ROT-1": "failed"},
        {},
        outcome="failed",
        failure="call\n    assert get(…) is None\nE   AssertionError: assert 'green' is None\nE    + where",
    )
    left_out = TestResult(
        failed.cell,
        "test_the_verbs",
        "tests/test_object.py",
        {"OBJ-2": "not applicable"},
        {"OBJ-2": "Not offered: POST /lab/update/{key}."},
        outcome="not applicable",
    )
    return Results(
        started="2030-01-01T00:00:00+00:00",
        seconds=1.0,
        workers=1,
        versions={},
        promises={
            "OBJ-2": "It also has verbs.",
            "ROT-1": "`rotate()` gives a new id. The old one is anonymous.",
        },
        cells=[CellResult(failed.cell, "judged", "server-side", "chromium")],
        tests=[failed, left_out],
    )


class TestSummary:
    def test_each_promise_has_a_line_and_each_failure_its_cause(self, results: Results) -> None:
        told = list(summary.lines(results))
        assert told[0] == "– OBJ-2     Not offered: POST /lab/update/{key}."  # noqa: RUF001 - an en dash is meant
        assert told[1] == "✗ ROT-1     rotate() gives a new id"
        assert told[3] == "✗ ROT-1: the old id is anonymous: AssertionError: assert 'green' is None"
        assert told[-1] == "0 promises hold, 1 do not, 1 not asked"

    def test_many_failures_are_counted_and_not_all_shown(self, results: Results) -> None:
        results.tests += [replace(results.tests[0], name=f"test_{number}") for number in range(500)]
        told = list(summary.lines(results))
        assert len(told) < 60
        assert f"… and {501 - summary.MOST_FAILURES} more" in told


def test_needs_json_is_as_it_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = needs.FILE.read_text()
    copy = tmp_path / "needs.json"
    copy.write_text(text)
    monkeypatch.setattr(needs, "FILE", copy)
    needs.save({})
    assert json.loads(copy.read_text()) == json.loads(text)
    assert copy.read_text() == text
