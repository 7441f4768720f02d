"""What docs/testing.md shows does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, python_blocks

BLOCKS = python_blocks("docs/testing.md")
FILES = {block.file: block.on_its_line for block in BLOCKS if block.file is not None}
"""File name → its text, each line at its number on the page."""

WITH_A_BROWSER = "test_browser.py"
"""e2e/tests/login/test_signed_in_context.py runs it."""

pytestmark = pytest.mark.promise("TEST-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def run_tests(folder: Path, *names: str) -> str:
    """What pytest says about these files, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *names]
    done = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_each_recipe_is_a_file() -> None:
    assert len(BLOCKS) == len(FILES) >= 8
    assert {"shop.py", "conftest.py", WITH_A_BROWSER} < set(FILES)


def test_the_recipes_pass(folder: Path) -> None:
    names = sorted(name for name in FILES if name.startswith("test_") and name != WITH_A_BROWSER)
    said = run_tests(folder, *names)
    passed = set(re.findall(r"^(\S+?)::.* PASSED", said, re.MULTILINE))
    assert passed == set(names), said
    assert re.search(r"^=+ \d+ passed in", said, re.MULTILINE), said


ALL_FIXTURES = """
import pytest
from http.cookiejar import CookieJar


def test_client(client_session):
    client_session.begin(owner="ada")
    assert client_session.client.get("/cart").status_code == 200


@pytest.mark.anyio
async def test_async_client(async_client_session):
    await async_client_session.begin({"cart": ["bread"]}, owner="ada")
    response = await async_client_session.client.get("/cart")
    assert response.json()["cart"] == ["bread"]


# In place of pytest-playwright's.
@pytest.fixture
def context():
    return CookieJar()


@pytest.fixture
def base_url():
    return "http://127.0.0.1:8000"


def test_browser(browser_session, context):
    assert browser_session.client is context
    browser_session.begin(owner="ada")
    assert [cookie.domain for cookie in context] == ["127.0.0.1"]

"""


def test_all_fixtures_work(folder: Path) -> None:
    (folder / "test_fixtures.py").write_text(ALL_FIXTURES, "utf-8")
    said = run_tests(folder, "test_fixtures.py")
    assert re.search(r"^=+ \d passed in", said, re.MULTILINE), said


def test_an_app_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["sessions.testing.plugin"]\n', "utf-8")
    (tmp_path / "test_it.py").write_text("def test_it(client_session): pass\n", "utf-8")
    assert "sessions.testing.plugin needs a fixture session_app" in run_tests(tmp_path)
