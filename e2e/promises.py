"""The promises, as tests name them and as docs/promises.md words them."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "promises.md"

promise = pytest.mark.promise
"""`@promise("ROT-1", "SAVE-3: saved late")`: what a test checks; after a colon, one aspect of it."""

core = pytest.mark.core
"""For the tests that run also where matrix.yml selects only the core set."""

only = pytest.mark.only
"""`@only(mode="https")`: a test for cells of these names only."""


def id_of(promise: str) -> str:
    """The id without the aspect."""
    return promise.split(":", maxsplit=1)[0]


class UnknownPromise(ValueError):
    """docs/promises.md has no promise of that name; the message says what it has."""


def promise_named(word: str) -> str:
    """The id that somebody means, in capitals or not. Raises UnknownPromise."""
    known, wanted = sentences(), word.upper()
    if wanted in known:
        return wanted
    kind = wanted.partition("-")[0]
    siblings = [name for name in known if name.partition("-")[0] == kind]
    kinds = dict.fromkeys(name.partition("-")[0] for name in known)
    there_is = ", ".join(siblings) if siblings else f"those that begin with {', '.join(kinds)}"
    raise UnknownPromise(f"docs/promises.md has no promise {word}; it has {there_is}")


def sentences() -> dict[str, str]:
    """Promise id → its wording, in the order of the page."""
    if not PAGE.exists():
        return {}
    found = re.findall(r"^- \*\*([A-Z]+-\d+)\*\* (.*(?:\n  .*)*)", PAGE.read_text(), re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}
