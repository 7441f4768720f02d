"""What each browser test needs of a server: routes, profiles, and control that only its starter has.

`needs.json` holds it by the tests' names; a run with `--note-needs` writes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "needs.json"

PROFILE = "profile "
"""Begins the need for a profile: `profile /short`."""
CONTROL = "control of "
"""Begins the need for something that a server which is only asked over http does not give away."""

CONTROL_BY_ARGUMENT = {
    "start": "its process",
    "start_server": "its process",
    "folder": "its database",
}
"""Fixture that a test takes → what it controls by that."""
CONTROL_BY_TEXT = {"server.log": "its log"}
"""What a test's code says → what it reads by that."""


@dataclass(frozen=True)
class Needed:
    promises: tuple[str, ...]
    """Ids of what the test checks"""
    needs: tuple[str, ...]

    @property
    def routes(self) -> tuple[str, ...]:
        return tuple(need for need in self.needs if not need.startswith((PROFILE, CONTROL)))


@cache
def needs() -> Mapping[str, Needed]:
    """By the test's name, with the test's own parameters in brackets if it has any."""
    found: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text())
    return {test: Needed(tuple(line["promises"]), tuple(line["needs"])) for test, line in found.items()}


def of(test: str) -> tuple[str, ...]:
    """Raises LookupError for a test that was never noted."""
    try:
        return needs()[test].needs
    except KeyError:
        raise LookupError(f"{FILE.name} knows no {test}: run `make judge-needs`") from None


def save(noted: Mapping[str, Needed]) -> None:
    """Put what was noted in the place of what is known of these tests."""
    known = dict(needs()) if FILE.exists() else {}
    known |= noted
    text = {test: {"promises": line.promises, "needs": line.needs} for test, line in sorted(known.items())}
    FILE.write_text(json.dumps(text, indent=1) + "\n")
