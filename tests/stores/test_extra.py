"""What `sessions.testing` needs, only those need who use it; the kit is for those who write stores."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_package_itself_imports_none_of_it() -> None:
    done = run("import sys, sessions; print({'pytest', 'hypothesis', 'sessions.testing'} & set(sys.modules))")
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_what_is_for_tests_of_an_app_needs_none_of_it() -> None:
    names = "{'pytest', 'hypothesis', 'trio', 'starlette', 'httpx', 'playwright'}"
    done = run(
        f"import sys; from sessions.testing import ClientSession; print({names} & set(sys.modules));"
        "import sessions.testing; sessions.testing.NoSuchName"
    )
    assert done.stdout == "set()\n"
    assert done.stderr.splitlines()[-1].startswith("AttributeError: ")


def test_no_run_of_pytest_loads_a_plugin_that_it_did_not_ask_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "pytest11" not in project.get("entry-points", {})


@pytest.mark.parametrize("missing", ["pytest", "hypothesis", "trio"])
def test_what_is_missing_is_named_with_the_extra_that_brings_it(missing: str) -> None:
    done = run(f"import sys; sys.modules[{missing!r}] = None; from sessions.testing import StoreConformance")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert missing in last
    assert "pip install 'sessions[testing]'" in last
