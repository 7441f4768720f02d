"""What `differences.yml` says: which tests of a peer ours fails on purpose, and why."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import yaml

_NEEDED: Final = {"peer", "tests", "reason"}
_OPTIONAL: Final = {"error"}


@dataclass(frozen=True)
class Difference:
    """Tests that fail on purpose.

    `test` is the test's id without its file; `*` in it stands for any text, every other character for itself.
    """

    peer: str
    test: str
    reason: str
    error: str = ""
    """A part of the failure's message: a test that fails for another cause is not this difference."""

    def covers(self, peer: str, test: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in self.test.split("*"))
        return peer == self.peer and re.fullmatch(pattern, test) is not None


def read(text: str) -> list[Difference]:
    """The differences of a YAML text, one for each test that an entry names.

    Raises `ValueError` for an entry that lacks one of `peer`, `tests` and `reason`, or has something else
    beside them than `error`.
    """
    return [difference for entry in yaml.safe_load(text) or [] for difference in _parsed(entry)]


def find(differences: Collection[Difference], peer: str, test: str) -> list[Difference]:
    return [difference for difference in differences if difference.covers(peer, test)]


def _parsed(entry: Any) -> list[Difference]:
    if not isinstance(entry, dict) or set(entry) - _OPTIONAL != _NEEDED or not all(entry.values()):
        raise ValueError(f"an entry has peer, tests and reason, may have error, and nothing else: {entry!r}")
    if not isinstance(entry["tests"], list):
        raise ValueError(f"tests is a list: {entry!r}")
    reason, error = entry["reason"].strip(), str(entry.get("error", ""))
    return [Difference(entry["peer"], str(test), reason, error) for test in entry["tests"]]
