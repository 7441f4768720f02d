"""Find a browser that starts, or install one: `python -m e2e.browser.install [NAME… | --full]`.

Both `make` and the suite ask here, so that what was installed is what is driven. The order is:

1. Playwright's own build, when it is in Playwright's cache
2. one that the system has on its PATH
3. `playwright install` (fails within seconds where its downloads cannot be reached)
4. apt, as root or through sudo

A candidate counts only if `--version` succeeds: that also finds a build whose shared libraries are missing,
and Ubuntu's `chromium-browser`, a script that only says where to get the real one.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import playwright

from e2e import apt
from e2e.matrix.matrix import Matrix
from e2e.matrix.yaml_file import MatrixError


@dataclass(frozen=True)
class Browser:
    """An executable that starts, and what it calls itself."""

    name: str
    executable: str
    version: str

    @property
    def is_playwrights(self) -> bool:
        """Whether it is Playwright's own build."""
        return Path(self.executable).is_relative_to(_cache_folder())


class BrowserMissing(RuntimeError):
    """No usable browser, and what to do about it."""


@dataclass(frozen=True)
class Source:
    """Where the builds of one browser may be: in Playwright's cache, on the PATH, in apt."""

    cached: str  # the name of the build in Playwright's browsers.json
    executables: Sequence[str]  # what that build calls its executable
    commands: Sequence[str]  # on the PATH


# The headless shell starts three times faster than the full browser; that one is for `--headed`.
CHROMIUM = Source("chromium", ("chrome", "Chromium"), ("chromium", "chromium-browser", "google-chrome"))
HEADLESS = {
    "chromium": [
        Source(
            "chromium-headless-shell",
            ("headless_shell", "chrome-headless-shell"),
            ("chromium-headless-shell",),
        ),
        CHROMIUM,
    ],
    "chromium-full": [CHROMIUM],
    "firefox": [Source("firefox", ("firefox",), ("firefox-esr", "firefox"))],
    "webkit": [Source("webkit", ("pw_run.sh",), ())],
}
HEADED = {**HEADLESS, "chromium": [CHROMIUM]}
APT = {
    "chromium": "chromium-headless-shell",
    "chromium-full": "chromium",
    "firefox": "firefox-esr",
}


@cache
def find(name: str, *, headed: bool = False) -> Browser:
    """The first usable browser of that name. Raises BrowserMissing."""
    for executable in _candidates((HEADED if headed else HEADLESS)[name]):
        if version := _version(executable):
            return Browser(name, executable, version)
    kind = "a window (the headless shell has none)" if headed else "the browser tests"
    raise BrowserMissing(f"No {name} for {kind} was found; `make browser` installs one where it can.")


def install(name: str) -> Browser:
    """The usable browser, installed first if there is none. Raises BrowserMissing."""
    for step in (_nothing, _install_by_playwright, _install_libraries, _install_by_apt):
        step(name)
        find.cache_clear()
        try:
            return find(name)
        except BrowserMissing:
            continue
    by_apt = (
        f"\nor, on Debian:\n  sudo apt-get install --no-install-recommends {APT[name]}" if name in APT else ""
    )
    raise BrowserMissing(
        f"No {name} found, and none could be installed. Install one by hand:\n"
        f"  {sys.executable} -m playwright install {build_of(name)}{by_apt}"
    )


def build_of(name: str) -> str:
    """What `playwright install` calls it."""
    return name.removesuffix("-full")


def _candidates(sources: Sequence[Source]) -> Iterator[str]:
    for source in sources:
        build = _cache_folder() / f"{source.cached.replace('-', '_')}-{_revision(source.cached)}"
        for executable in source.executables:
            yield from (str(path) for path in sorted(build.rglob(executable)) if path.is_file())
    for source in sources:
        yield from (found for command in source.commands if (found := shutil.which(command)))


def _cache_folder() -> Path:
    """Playwright's own rule: https://playwright.dev/python/docs/browsers#managing-browser-binaries"""
    if chosen := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"


def _revision(build: str) -> str:
    listing = Path(playwright.__file__).parent / "driver/package/browsers.json"
    browsers = json.loads(listing.read_text())["browsers"]
    return next(str(browser["revision"]) for browser in browsers if browser["name"] == build)


def _version(executable: str) -> str | None:
    try:
        answer = subprocess.run(
            [executable, "--version"], check=False, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _nothing(name: str) -> None:
    """An installed browser is used as it is."""


def _install_by_playwright(name: str) -> None:
    print(f"Installing {name} with Playwright")
    if not apt.run([sys.executable, "-m", "playwright", "install", build_of(name)], quiet=True):
        print(
            f"  Playwright could not download {build_of(name)}: can its download site be reached from here?"
        )


def _install_libraries(name: str) -> None:
    """A downloaded build may lack shared libraries of the system."""
    name = build_of(name)
    if (_cache_folder() / f"{name}-{_revision(name)}").is_dir() and (sudo := apt.as_root()) is not None:
        apt.run([*sudo, sys.executable, "-m", "playwright", "install-deps", name])


def _install_by_apt(name: str) -> None:
    if name in APT:
        apt.install(APT[name])


def main(arguments: Sequence[str]) -> int:
    """`--full`: those that there are of all; names: these; nothing: those of the default selection."""
    try:
        matrix = Matrix.load()
        if "--full" in arguments:
            names = [name for name in matrix.browsers if name not in matrix.optional.get("browser", ())]
        else:
            names = [matrix.name("browser", word) for word in arguments]
            names = names or list(dict.fromkeys(cell.browser for cell in matrix.default))
        for name in names:
            print(install(name).version)
    except (BrowserMissing, MatrixError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
