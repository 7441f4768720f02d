"""What the judge has found, a line for each promise."""

import re
from collections.abc import Iterator

from e2e.report.results import Results, TestResult

MARKS = {
    "passed": "✓",
    "partly": "✓",
    "failed": "✗",
    "not applicable": "–",  # noqa: RUF001 - an en dash is meant
    "not run": "–",  # noqa: RUF001
}
MOST_FAILURES = 40
"""Lines about failed tests; whoever has more looks at the report."""
WIDEST = 160


def lines(results: Results) -> Iterator[str]:
    (cell,) = results.cells
    states = {promise: results.state(cell.id, promise) for promise in results.promises}
    failed = results.failures
    for promise, sentence in results.promises.items():
        state = states[promise]
        why = ""
        if state in ("not applicable", "not run"):
            why = next(iter(results.reasons(promise)), "")
        text = why or sentence.partition(". ")[0].rstrip(".")
        yield f"{MARKS[state]} {promise:<9} {_short(_plain(text))}"
    if failed:
        yield ""
    for test in failed[:MOST_FAILURES]:
        yield _short(f"✗ {', '.join(test.promises)}: {test.title}: {cause(test)}")
    if len(failed) > MOST_FAILURES:
        yield f"… and {len(failed) - MOST_FAILURES} more"
    yield ""
    counts = [sum(state in kinds for state in states.values()) for kinds in KINDS.values()]
    yield ", ".join(f"{count} {name}" for name, count in zip(KINDS, counts, strict=True))


KINDS = {
    "promises hold": ("passed", "partly"),
    "do not": ("failed",),
    "not asked": ("not applicable", "not run"),
}


def cause(test: TestResult) -> str:
    """The first line of what went wrong."""
    found = re.search(r"^E +(.*)$", test.failure, re.MULTILINE)
    return found[1] if found else test.failure.strip().splitlines()[-1] if test.failure.strip() else ""


def _plain(text: str) -> str:
    return text.replace("`", "")


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
