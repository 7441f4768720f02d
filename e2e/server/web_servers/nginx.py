"""nginx: where it is, and how it runs."""

from e2e import apt
from e2e.server.web_servers.web_server import UNPACKED, WebServer

IN_ITS_FOLDER = """\
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
"""
"""Lines for the section `http`: without them nginx writes where only root may."""


class Nginx(WebServer):
    programs = ("nginx",)
    package = "nginx"

    @classmethod
    def install(cls) -> None:
        apt.unpack(cls.package, UNPACKED)

    def run_with(self, file: str) -> list[str]:
        return [self.program, "-e", "stderr", "-p", str(self.folder), "-c", file]
