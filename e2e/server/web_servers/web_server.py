"""nginx or Apache in front of a server of ours: what they have in common, whatever they are there for."""

import os
import shutil
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from e2e.server.server import ROOT
from services.service import Service, ServiceFailed

UNPACKED = ROOT / ".cache" / "debian"
"""Where `apt.unpack` puts packages for the tests."""
SYSTEM = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin", str(UNPACKED / "usr/sbin"))
"""Where web servers are installed, and the PATH of most users does not lead."""


class WebServer(Service):
    programs: ClassVar[Sequence[str]]
    """What systems call it"""
    package: ClassVar[str]
    """On Debian"""

    @classmethod
    @abstractmethod
    def install(cls) -> None:
        """Does nothing where it cannot."""

    @classmethod
    def found(cls) -> str | None:
        """The program, if the machine has it."""
        path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM))
        return next(filter(None, (shutil.which(program, path=path) for program in cls.programs)), None)

    @classmethod
    def missing(cls) -> str:
        """One line for people whose machine has none."""
        return (
            f"no {cls.programs[0]} for the tests of proxies and caches: `make browser` installs it where it"
            f" can (Debian: the package {cls.package})"
        )

    def prepare(self) -> None:
        if (program := self.found()) is None:
            raise ServiceFailed(self.missing())
        self.program = program

    def command(self) -> list[str]:
        file = self.folder / "configuration"
        file.write_text(self.configuration())
        return self.run_with(str(file))

    @abstractmethod
    def configuration(self) -> str:
        """The text of its configuration file, for `self.port`."""

    @abstractmethod
    def run_with(self, file: str) -> list[str]:
        """How to run it with this configuration file, in the foreground."""
