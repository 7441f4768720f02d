"""What is made once per machine and user, and copied after: an empty database takes seconds to make."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from services.service import ServiceFailed


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, which `make` fills if there is none yet; one process at a time."""
    home = Path(tempfile.gettempdir()) / f"sessions-services-{os.getuid()}"
    home.mkdir(mode=0o711, exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != os.getuid() or home.stat().st_mode & 0o022:
        raise ServiceFailed(f"{home} is not ours alone; remove it")
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = home / name
        if not folder.exists():
            unfinished = home / f"{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o755)
            make(unfinished)
            unfinished.rename(folder)
    return folder
