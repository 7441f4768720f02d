"""Apache: where it and its modules are, and how it runs."""

from collections.abc import Sequence
from pathlib import Path

from e2e import apt
from e2e.server.web_servers.web_server import WebServer
from services.service import ServiceFailed

FOLDERS = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/opt/homebrew/lib/httpd/modules")
"""Where systems keep the modules."""


class Apache(WebServer):
    programs = ("apache2", "httpd")
    package = "apache2-bin"
    ready = "resuming normal operations"

    @classmethod
    def install(cls) -> None:
        apt.install(cls.package)  # the program and its modules; it starts nothing

    def run_with(self, file: str) -> list[str]:
        return [self.program, "-f", file, "-DFOREGROUND"]


def load(modules: Sequence[str]) -> str:
    """The lines of a configuration that load these modules. Raises `ServiceFailed`."""
    home = next((folder for folder in map(Path, FOLDERS) if folder.is_dir()), None)
    if home is None:
        raise ServiceFailed(f"no modules of Apache in {', '.join(FOLDERS)}")
    return "\n".join(f"LoadModule {name}_module {home}/mod_{name}.so" for name in modules)
