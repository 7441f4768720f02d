"""What `make peer-suites` takes for a surprise, and what its list and its pins have to be."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from peer_suites.differences import Difference, find, read

pytest_plugins = "pytester"

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"

SUITE = """
    import unittest
    import pytest

    @pytest.mark.parametrize("store", ["memory", "sqlite"])
    def test_agrees(store):
        pass

    @pytest.mark.parametrize("store", ["memory", "sqlite"])
    def test_differs(store):
        assert False

    class Parts(unittest.TestCase):
        def test_parts(self):
            with self.subTest("differs"):
                self.fail()
"""
LISTED = ("test_differs[*]", "Parts::test_parts")

CONFTEST = """
    from peer_suites.differences import Difference
    from peer_suites.strict import Strict

    def pytest_configure(config):
        config.pluginmanager.register(Strict({}))
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the suite, and what a test adds to it, against a list."""
    # Some of the plugins of this run cannot be in one inside of it.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(
        *listed: str, error: str = "", more: str = "", arguments: tuple[str, ...] = (".",)
    ) -> pytest.RunResult:
        pytester.makeini("[pytest]")
        pytester.makepyfile(test_toy=SUITE + more)
        differences = [Difference("toy", test, "on purpose", error) for test in listed]
        pytester.makeconftest(CONFTEST.format(differences))
        return pytester.runpytest_inprocess(*arguments)

    return run


def test_a_run_that_differs_just_as_listed_passes(run: Run) -> None:
    result = run(*LISTED)

    assert result.ret == pytest.ExitCode.OK
    assert "toy, 3 tests: on purpose" in result.outlines
    assert "2 passed, 3 deliberate differences, 0 failed" in result.outlines


def test_a_failure_that_is_not_listed_fails_the_run(run: Run) -> None:
    result = run("test_differs[memory]", "Parts::test_parts")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "test_toy.py::test_differs[sqlite]: failed, and is not on the list" in result.outlines
    assert "2 passed, 2 deliberate differences, 1 failed" in result.outlines


def test_a_listed_test_that_passes_fails_the_run(run: Run) -> None:
    result = run(*LISTED, "test_agrees[memory]")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    line = "test_toy.py::test_agrees[memory]: this difference has disappeared: take it off the list"
    assert line in result.outlines
    assert "1 passed, 3 deliberate differences, 1 failed" in result.outlines


RAISES = """
    def refused():
        raise ValueError("no such option")  # as it says in the manual

    def test_raises():
        refused()

    class MoreParts(unittest.TestCase):
        def test_more_parts(self):
            for text in ("one", "two"):
                with self.subTest(text):
                    raise ValueError(f"no such option: {text}")
"""
RAISING = ("test_raises", "MoreParts::test_more_parts")


def test_a_listed_test_that_fails_with_the_error_of_the_list_passes(run: Run) -> None:
    result = run(
        *RAISING, error="ValueError: no such option", more=RAISES, arguments=(".", "-k", "raises or more")
    )

    assert result.ret == pytest.ExitCode.OK
    assert "0 passed, 2 deliberate differences, 0 failed" in result.outlines


@pytest.mark.parametrize("error", ["another cause", "as it says in the manual", "no such option: one"])
def test_a_listed_test_that_fails_for_another_cause_fails_the_run(run: Run, error: str) -> None:
    """Neither the code that led there nor one of two subtests is enough."""
    result = run(*RAISING, error=error, more=RAISES, arguments=(".", "-k", "raises or more"))

    line = f"fails for another cause than the list says: its error is without {error!r}"
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert f"test_toy.py::test_raises: {line}" in result.outlines
    assert f"test_toy.py::MoreParts::test_more_parts: {line}" in result.outlines
    assert "0 passed, 0 deliberate differences, 2 failed" in result.outlines


def test_an_entry_without_a_test_fails_the_run(run: Run) -> None:
    result = run(*LISTED, "test_gone[*]")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "toy: test_gone[*]: is on the list, but there is no such test" in result.outlines


def test_a_test_that_two_entries_claim_fails_the_run(run: Run) -> None:
    result = run(*LISTED, "test_differs[memory]")

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "test_toy.py::test_differs[memory]: two entries of the list claim it" in result.outlines


def test_a_test_that_is_skipped_fails_the_run(run: Run) -> None:
    skipped = """
    def test_skips():
        pytest.skip("not here")
    """
    result = run(*LISTED, more=skipped)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "test_toy.py::test_skips: was skipped" in result.outlines


@pytest.mark.parametrize(("phase", "body"), [("setup", "1 / 0; yield"), ("teardown", "yield; 1 / 0")])
def test_a_listed_test_that_breaks_outside_of_its_body_fails_the_run(run: Run, phase: str, body: str) -> None:
    broken = f"""
    @pytest.fixture
    def broken():
        {body}

    def test_breaks(broken):
        assert False
    """
    result = run(*LISTED, "test_breaks", more=broken)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert f"test_toy.py::test_breaks: failed in its {phase}, which no entry is about" in result.outlines


def test_a_suite_that_cannot_be_imported_fails_the_run(run: Run) -> None:
    assert run(*LISTED, more="\n    import nonsuch\n").ret == pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    "arguments", [("test_toy.py::test_agrees",), ("test_toy.py",), (".", "-k", "agrees")]
)
def test_a_part_of_the_suites_can_be_run_alone(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*LISTED, arguments=arguments).ret == pytest.ExitCode.OK


def test_a_star_in_an_entry_is_any_text_and_all_else_is_itself() -> None:
    entry = Difference("toy", "test_a[*-True]", "on purpose")

    assert find([entry], "toy", "test_a[trio-memory-True]") == [entry]
    assert not find([entry], "toy", "test_a[trio-memory-False]")
    assert not find([entry], "toy", "test_a[-True]x")
    assert not find([entry], "toy", "test_at-True")
    assert not find([entry], "other", "test_a[trio-memory-True]")


@pytest.mark.parametrize(
    "text",
    [
        "- {peer: toy, tests: [test_a]}",
        "- {peer: toy, tests: [test_a], reason: ''}",
        "- {peer: toy, tests: [test_a], reason: on purpose, error: ''}",
        "- {peer: toy, tests: [], reason: on purpose}",
        "- {peer: toy, tests: test_a, reason: on purpose}",
        "- {peer: toy, tests: [test_a], reason: on purpose, until: tomorrow}",
        "- test_a",
    ],
)
def test_an_entry_that_says_too_little_or_too_much_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"an entry has|is a list"):
        read(text)


def test_the_list_of_this_repository_can_be_read() -> None:
    differences = read((ROOT / "peer_suites" / "differences.yml").read_text())

    assert {difference.peer for difference in differences} == {"django", "starlette"}
    assert all(difference.error for difference in differences)


@pytest.mark.parametrize(("peer", "elsewhere"), [("starlette", "dev"), ("django", "targets")])
def test_the_peers_tests_are_of_the_version_that_all_else_is_run_with(peer: str, elsewhere: str) -> None:
    assert pinned(peer, "peer-suites") == pinned(peer, elsewhere)


def pinned(package: str, file: str) -> str:
    match = re.search(rf"^{package}==(\S+)", (REQUIREMENTS / f"{file}.txt").read_text(), re.MULTILINE)
    assert match
    return match[1]
