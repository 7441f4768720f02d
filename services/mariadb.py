"""MariaDB where it is installed (Debian: `apt-get install mariadb-server`)."""

import os
import shutil

from services.made_once import cached
from services.service import Service, ServiceFailed, run, write_private

ACCOUNTS = """\
DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys';
FLUSH PRIVILEGES;
CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY '{password}';
CREATE USER 'root'@'localhost' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION;
"""
"""Run at each start before anybody is let in. A new installation lets in root, and nameless accounts, without
a password. Of the two names the server takes the one that it finds for the client's address."""


class MariaDB(Service):
    ready = "ready for connections"

    @classmethod
    def is_installed(cls) -> bool:
        return _where("mariadbd") is not None

    @property
    def url(self) -> str:
        return f"mariadb+asyncmy://root:{self.password}@127.0.0.1:{self.port}/test"

    def prepare(self) -> None:
        self._server = _found("mariadbd")
        self._as = ["--user=root"] if os.getuid() == 0 else []  # it refuses to become root unasked

        def install(folder: "os.PathLike[str]") -> None:
            run(
                [
                    _found("mariadb-install-db"),
                    "--no-defaults",
                    f"--datadir={folder}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    *self._as,
                ]
            )

        version = f"{os.stat(self._server).st_mtime_ns:x}"
        shutil.copytree(cached(f"mariadb-data-{version}", install), self.folder / "data", symlinks=True)
        (self.folder / "data" / "test").mkdir()
        write_private(self.folder / "accounts.sql", ACCOUNTS.format(password=self.password))

    def command(self) -> list[str]:
        return [
            self._server,
            "--no-defaults",
            *self._as,
            f"--datadir={self.folder / 'data'}",
            f"--init-file={self.folder / 'accounts.sql'}",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--innodb-flush-log-at-trx-commit=2",  # written, not synced: outlives a kill of the server
            "--innodb-buffer-pool-size=16M",
        ]


def _where(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _found(program: str) -> str:
    if (path := _where(program)) is None:
        raise ServiceFailed(f"no {program}: install MariaDB (Debian: mariadb-server), or set MARIADB_URL")
    return path
