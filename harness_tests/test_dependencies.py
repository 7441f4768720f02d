"""Nothing runs here that could be another thing tomorrow: actions and packages are pinned by content."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
LOCKS = [
    ROOT / folder / "package-lock.json"
    for folder in ("tests/interop", "e2e/targets/hono", "e2e/targets/node")
]
DEPENDABOT = ROOT / ".github" / "dependabot.yml"

PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
"""The full id of a commit, which cannot be moved as a tag can, and the version for the reader."""


def actions_in(workflow: str) -> list[str]:
    """What each `uses:` names, but for actions and workflows of this repository."""
    lines = re.findall(r"^\s*(?:- )?uses:\s*(.+?)\s*$", workflow, re.MULTILINE)
    return [line for line in lines if not line.startswith("./")]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_each_action_is_pinned_by_its_commit(workflow: Path) -> None:
    named = actions_in(workflow.read_text("utf-8"))
    assert [name for name in named if not PINNED.fullmatch(name)] == []


def test_one_action_has_one_version() -> None:
    named = {name for file in WORKFLOWS for name in actions_in(file.read_text("utf-8"))}
    assert len(named) >= 4
    assert len({name.partition("@")[0] for name in named}) == len(named)


@pytest.mark.parametrize(
    "action", ["a/b@v6", "a/b@main", "a/b@" + "0" * 40, "a/b@0000000 # v1.0.0", "docker://a:1"]
)
def test_a_tag_is_no_pin(action: str) -> None:
    (named,) = actions_in(f"    steps:\n      - uses: {action}\n")
    assert named == action
    assert not PINNED.fullmatch(named)


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.stem)
def test_each_python_package_is_pinned_with_hashes(file: Path) -> None:
    requirements = re.findall(
        r"^[a-z0-9].*(?:\n +.*)*", file.read_text("utf-8"), re.MULTILINE | re.IGNORECASE
    )
    assert requirements
    for requirement in requirements:
        assert re.match(r"[\w.\[\],-]+==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


@pytest.mark.parametrize("lock", LOCKS, ids=lambda file: file.parent.name)
def test_each_javascript_package_is_pinned_with_a_hash(lock: Path) -> None:
    packages: dict[str, Any] = json.loads(lock.read_text("utf-8"))["packages"]
    packages.pop("")
    assert packages
    assert [name for name, package in packages.items() if "integrity" not in package] == []


def test_newer_versions_are_proposed_for_all_of_them() -> None:
    proposed: dict[str, set[str]] = {}
    for entry in yaml.safe_load(DEPENDABOT.read_text("utf-8"))["updates"]:
        where = entry.get("directories") or [entry["directory"]]
        proposed.setdefault(entry["package-ecosystem"], set()).update(folder.strip("/") for folder in where)
    assert proposed == {
        "github-actions": {""},
        "pip": {"", "requirements"},
        "npm": {str(lock.parent.relative_to(ROOT)) for lock in LOCKS},
    }
