"""A run knows whether it was asked for all tests of its cells: its report says no more than it saw."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from e2e.plugin.options import narrowed

ROOT = Path(__file__).parent.parent


def asked_for(*arguments: str, **options: Any) -> str:
    config = SimpleNamespace(
        args=list(arguments),
        rootpath=ROOT / "e2e",
        invocation_params=SimpleNamespace(dir=ROOT),
        option=SimpleNamespace(**{"promise": [], "keyword": "", "markexpr": "", "lf": False, **options}),
    )
    return narrowed(cast(pytest.Config, config))


@pytest.mark.parametrize("arguments", [["e2e"], ["e2e/tests"], [str(ROOT / "e2e")], ["e2e/"]])
def test_the_whole_suite_is_not_narrowed(arguments: list[str]) -> None:
    assert asked_for(*arguments) == ""


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (["e2e"], {"promise": ["ROT-1", "ROT-2"]}, "promise ROT-1, promise ROT-2"),
        (["e2e"], {"keyword": "slow"}, "-k 'slow'"),
        (["e2e"], {"markexpr": "core"}, "-m 'core'"),
        (["e2e"], {"lf": True}, "those that failed last"),
        (["e2e/tests/login"], {}, "e2e/tests/login"),
        (["e2e/tests/login/test_owner.py::test_a"], {}, "e2e/tests/login/test_owner.py::test_a"),
    ],
)
def test_a_part_of_it_is_told_in_words(arguments: list[str], options: dict[str, Any], words: str) -> None:
    assert asked_for(*arguments, **options) == words
