"""nginx: where it is, and how it runs."""

from e2e import apt
from e2e.services.web_server import UNPACKED, WebServer


class Nginx(WebServer):
    programs = ("nginx",)
    package = "nginx"

    @classmethod
    def install(cls) -> None:
        apt.unpack(cls.package, UNPACKED)

    def run_with(self, file: str) -> list[str]:
        return [self.program, "-e", "stderr", "-p", str(self.folder), "-c", file]
