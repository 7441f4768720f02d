"""The kit is for those who write stores: nobody else needs what it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_package_itself_imports_none_of_it() -> None:
    done = run("import sys, sessions; print({'pytest', 'hypothesis', 'sessions.testing'} & set(sys.modules))")
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize("missing", ["pytest", "hypothesis", "trio"])
def test_what_is_missing_is_named_with_the_extra_that_brings_it(missing: str) -> None:
    done = run(f"import sys; sys.modules[{missing!r}] = None; import sessions.testing")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert missing in last
    assert "pip install 'sessions[testing]'" in last
