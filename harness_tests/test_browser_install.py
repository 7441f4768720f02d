"""A browser that cannot be had is told in a few lines, and none of them is a stack trace."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from e2e import apt
from e2e.browser import install

TRACE = """Downloading Chromium
Error: getaddrinfo ENOTFOUND
    at GetAddrInfoReqWrap.onlookupall [as oncomplete] (node:dns:122:26) {
  errno: -3008
}
Failed to install browsers
"""


@pytest.fixture
def _no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without browsers, on which nothing can be downloaded, and nobody is root."""

    def fails(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, TRACE)

    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setattr(install, "_candidates", lambda _: iter(()))
    monkeypatch.setattr(apt, "as_root", lambda: None)
    monkeypatch.setattr("subprocess.run", fails)
    install.find.cache_clear()


@pytest.mark.usefixtures("_no_browser")
def test_a_failed_download_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["chromium"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "Installing chromium with Playwright",
        "  Playwright could not download chromium: can its download site be reached from here?",
    ]
    assert said.err.startswith("No chromium found, and none could be installed. Install one by hand:")


def test_a_browser_that_there_is_not_is_told_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert install.main(["chrome"]) == 1
    assert capsys.readouterr().err == (
        "matrix.yml has no browser chrome; it has chromium, firefox, chromium-full, webkit. "
        "Did you mean chromium?\n"
    )
