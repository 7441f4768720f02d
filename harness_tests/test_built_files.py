"""What is published: the wheel and the sdist are built from this folder, offline, and looked into."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def jobs_of(workflow: str) -> dict[str, dict[str, object]]:
    jobs: dict[str, dict[str, object]] = yaml.safe_load(
        (ROOT / ".github" / "workflows" / workflow).read_text("utf-8")
    )["jobs"]
    return jobs


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


def files_of_the_wheel(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files_of_the_sdist(sdist: Path) -> dict[str, bytes]:
    """Without the folder that all of them are in."""
    with tarfile.open(sdist) as archive:
        return {
            "/".join(PurePosixPath(member.name).parts[1:]): file.read()
            for member in archive
            if (file := archive.extractfile(member)) is not None
        }


def test_an_index_would_take_them(built: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_wheel_has_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    names = set(files_of_the_wheel(built[0]))
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sessions").rglob("*.py")}
    about = {name for name in names if ".dist-info/" in name}
    assert names - about == package | {"sessions/py.typed"}
    assert any(name.endswith("/licenses/LICENSE") for name in about)


def test_the_sdist_has_what_the_tests_of_the_library_need(built: tuple[Path, Path]) -> None:
    """`make built-tests` runs them."""
    sdist, wheel = files_of_the_sdist(built[1]), files_of_the_wheel(built[0])
    assert {name: text for name, text in sdist.items() if name.startswith("sessions/")} == {
        name: text for name, text in wheel.items() if name.startswith("sessions/")
    }
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert {name for name in tests if "node_modules" not in name} <= set(sdist)
    folders = {name.partition("/")[0] for name in sdist if "/" in name}
    assert folders <= {"sessions", "tests", "services", "docs"}
    assert {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "PKG-INFO"} <= set(sdist)


def test_no_file_of_the_sdist_is_made_on_this_machine_alone(built: tuple[Path, Path]) -> None:
    made = [
        name for name in files_of_the_sdist(built[1]) if re.search(r"__pycache__|node_modules|\.db", name)
    ]
    assert made == []


def test_each_python_is_named_and_tested() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert named == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    for workflow in ("ci.yml", "release.yml"):
        strategy = jobs_of(workflow)["test"]["strategy"]
        assert isinstance(strategy, dict)
        assert strategy["matrix"]["python"] == PYTHONS


def test_only_who_attests_and_who_publishes_has_an_identity() -> None:
    """And neither before the built files have passed the tests."""
    jobs = jobs_of("release.yml")
    permitted = {name: job.get("permissions", {}) for name, job in jobs.items()}
    assert permitted == {
        "build": {},
        "test": {},
        "attest": {"id-token": "write", "attestations": "write"},
        "publish": {"contents": "read", "id-token": "write"},
    }
    assert [jobs[name].get("needs") for name in ("build", "test", "attest", "publish")] == [
        None,
        "build",
        "test",
        "attest",
    ]
    assert jobs["publish"]["environment"] == "release"
