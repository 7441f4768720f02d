"""A reverse proxy that ends TLS in front of a server of ours, as people deploy them.

Its configuration is the least that a proxy needs. All sizes and times are those of the system's package, for
they decide what gets through.
"""

import os
import shutil
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from e2e.services.service import Service, ServiceFailed
from e2e.tls import Certificate

SYSTEM = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin")
"""Where web servers are installed, and the PATH of most users does not lead."""


class TLSProxy(Service):
    """Answers on https, with HTTP/1.1 and HTTP/2, with what `backend`, the address of a server, says.

    With `strips`, that prefix of a path is not passed on: the server sees `/` for `/shop/`.
    """

    programs: ClassVar[Sequence[str]]
    """What systems call it"""
    package: ClassVar[str]
    """On Debian"""

    def __init__(self, backend: str, tls: Certificate, strips: str = "") -> None:
        self.backend = backend
        self.strips = strips
        self._tls = tls
        super().__init__()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @classmethod
    def found(cls) -> str | None:
        """The program, if the machine has it."""
        path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM))
        return next(filter(None, (shutil.which(program, path=path) for program in cls.programs)), None)

    @classmethod
    def missing(cls) -> str:
        """One line for people whose machine has none."""
        return f"no {cls.programs[0]}: `make e2e` installs it where it can; on Debian it is in {cls.package}"

    def prepare(self) -> None:
        if (program := self.found()) is None:
            raise ServiceFailed(self.missing())
        self.program = program
        # Started as root, it would become another user for its answers, who cannot enter our folder.
        self.user = "nobody" if os.getuid() == 0 else None
        for file in (self._tls.certificate, self._tls.key):
            shutil.copy(file, self.folder / file.name)
        self.certificate, self.key = (
            self.folder / file.name for file in (self._tls.certificate, self._tls.key)
        )

    def command(self) -> list[str]:
        file = self.folder / "configuration"
        file.write_text(self.configuration())
        if self.user:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self.user)
        return self.run_with(str(file))

    @abstractmethod
    def configuration(self) -> str:
        """The text of its configuration file, for `self.port`."""

    @abstractmethod
    def run_with(self, file: str) -> list[str]:
        """How to run it with this configuration file, in the foreground."""
