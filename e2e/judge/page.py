"""Write what follows from needs.json into docs: each route's promises, and the table of docs/judge.md.

`python -m e2e.judge.page` writes both; a test fails while they are not as this would write them.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from e2e.judge import needs
from e2e.judge.protocol import PAGE as OPENAPI
from e2e.judge.protocol import Route, protocol
from e2e.promises import sentences

GUIDE = Path(__file__).parent.parent.parent / "docs" / "judge.md"
TABLES = ("routes", "promises")


def promises_of(route: Route) -> list[str]:
    """The ids of the promises that some test asks by the route, in the order of docs/promises.md."""
    asked = {name for test in needs.needs().values() if route.name in test.routes for name in test.promises}
    return [name for name in sentences() if name in asked]


def openapi(text: str) -> str:
    """The page with each route's `x-promises`."""
    path = method = ""
    written: list[str] = []
    for line in text.splitlines():
        if found := re.match(r"  (/\S*):$", line):
            path = found[1]
        elif found := re.match(r"    (get|post):$", line):
            method = found[1].upper()
        elif line.startswith("      x-promises:"):
            route = protocol().by_name[f"{method} {path}"]
            line = f"      x-promises: [{', '.join(promises_of(route))}]"  # noqa: PLW2901
        written.append(line)
    return "\n".join(written) + "\n"


def guide(text: str) -> str:
    """The page with its tables, each between two comments that name it."""
    for name, lines in zip(TABLES, (routes_table(), promises_table()), strict=True):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        head, _, rest = text.partition(f"{begin}\n")
        text = f"{head}{begin}\n" + "\n".join(lines) + f"\n{end}{rest.partition(end)[2]}"
    return text


def routes_table() -> Iterator[str]:
    yield "| route | what it does with the session | what it answers |"
    yield "| --- | --- | --- |"
    for route in protocol().routes:
        yield f"| `{route.name}` | {_cell(route.summary)} | {_cell(route.answer)} |"


def promises_table() -> Iterator[str]:
    """The routes that every test of a promise needs, and those that only some of them need."""
    yield "| promise | every test of it needs | some of its tests need |"
    yield "| --- | --- | --- |"
    basics = set(protocol().basics)
    for promise in sentences():
        tests = [set(test.needs) - basics for test in needs.needs().values() if promise in test.promises]
        if tests:
            every = set.intersection(*tests)
            some = set.union(*tests) - every
            yield f"| {promise} | {_names(every)} | {_names(some)} |"


def _names(found: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(found))


def _cell(text: str) -> str:
    """JSON in the text becomes code."""
    return re.sub(r"(\{\"(?:[^{}]|\{[^{}]*\})*\})", r"`\1`", text).replace("|", "\\|")


def main() -> int:
    OPENAPI.write_text(openapi(OPENAPI.read_text()))
    GUIDE.write_text(guide(GUIDE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
