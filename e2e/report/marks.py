"""The signs and the words of the report, on the terminal and on its page."""

from e2e.matrix.explanation import Kind
from e2e.report.results import Results, State

MARKS: dict[State, str] = {
    "passed": "✓",
    "failed": "✗",
    "partly": "◐",
    "known break": "✕",
    "broken in part": "◩",
    "not applicable": "–",  # noqa: RUF001 - an en dash is meant
    "not run": " ",
}
MEANINGS: dict[State, str] = {
    "passed": "passed",
    "failed": "failed",
    "partly": "passed, one aspect not applicable",
    "known break": "known break",
    "broken in part": "known break of some tests",
    "not applicable": "not applicable",
    "not run": "not run",
}


KINDS: dict[Kind, str] = {
    "all": "with all tests",
    "core": "with the core tests",
    "share of core": "with a share of the core tests",
    "about mode or browser": "with the tests about their mode or browser",
    "not selected": "not selected",
    "excluded": "excluded",
}


def summary(results: Results) -> str:
    """The numbers of the run, in one line."""
    return (
        f"{results.count('passed')} passed, {results.count('failed')} failed, "
        + (f"{results.count('known break')} known breaks, " if results.targets else "")
        + f"{results.count('not applicable')} not applicable, "
        f"{len(results.cells)} cells, {results.seconds:.0f} s wall "
        f"({1000 * results.seconds_a_test:.0f} ms per browser test, {workers(results)})"
    )


def workers(results: Results) -> str:
    return f"{results.workers} worker{'s' if results.workers > 1 else ''}"
