"""A shared cache in front of a server: what its visitors have in common, a browser's own cache aside."""

import os
import shutil
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from e2e.services.service import ROOT, Service, ServiceFailed

UNPACKED = ROOT / ".cache" / "debian"
"""Where `apt.unpack` puts packages for the tests."""
SYSTEM = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin", str(UNPACKED / "usr/sbin"))
"""Where web servers are installed, and the PATH of most users does not lead."""


class CacheServer(Service):
    """Keeps what `backend`, the address of a server, allows it to keep.

    What it answers from its cache has `X-Cache: HIT`. Each account of this machine can reach it, as it can
    reach the server itself.
    """

    programs: ClassVar[Sequence[str]]
    """What systems call it"""
    package: ClassVar[str]
    """On Debian"""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @abstractmethod
    def install(cls) -> None:
        """Does nothing where it cannot."""

    @classmethod
    def found(cls) -> str | None:
        """The program, if the machine has it."""
        path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM))
        return next(filter(None, (shutil.which(program, path=path) for program in cls.programs)), None)

    def prepare(self) -> None:
        if (program := self.found()) is None:
            raise ServiceFailed(self.missing())
        self.program = program
        (self.folder / "cache").mkdir()

    @classmethod
    def missing(cls) -> str:
        """One line for people whose machine has none."""
        return (
            f"no {cls.programs[0]} for the tests of shared caches: `make browser` installs it where it can "
            f"(Debian: the package {cls.package})"
        )

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
