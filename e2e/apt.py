"""What the browser tests install of a Debian system, as root, through sudo, or not at all."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def as_root() -> list[str] | None:
    """The words to put before a command to run it as root; None where that cannot be."""
    if os.geteuid() == 0:
        return []
    return ["sudo"] if shutil.which("sudo") else None


def install(package: str) -> None:
    """Does nothing on other systems, and where nobody can become root."""
    sudo = as_root()
    if sudo is None or not shutil.which("apt-get"):
        return
    print(f"Installing {package} with apt")
    _update(sudo)
    run([*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", package])


def unpack(package: str, folder: Path) -> None:
    """Put the files of a package into a folder, which nobody has to be root for.

    So nothing of the package is started or set up: a web server would take port 80 of the machine.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return
    print(f"Unpacking {package} into {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    if (sudo := as_root()) is not None:
        _update(sudo)
    run(["apt-get", "download", "-qq", package], folder)
    for file in folder.glob("*.deb"):
        run(["dpkg-deb", "--extract", file.name, "."], folder)
        file.unlink()


def _update(sudo: Sequence[str]) -> None:
    run([*sudo, "apt-get", "update", "-qq"])


def run(command: Sequence[str], folder: Path | None = None, *, quiet: bool = False) -> bool:
    """Whether it succeeded. A failure is not fatal by itself: the next way may work.

    Its last words are shown, for if none does, unless it is `quiet`.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode and not quiet:
        print("  failed:", "".join(done.stdout.splitlines(keepends=True)[-3:]).strip())
    return done.returncode == 0
