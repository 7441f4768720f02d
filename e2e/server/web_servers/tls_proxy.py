"""A reverse proxy that ends TLS in front of a server of ours, as people deploy them.

Its configuration is the least that a proxy needs. All sizes and times are those of the system's package, for
they decide what gets through.
"""

import os
import shutil

from e2e.server.certificate import Certificate
from e2e.server.web_servers.web_server import WebServer


class TLSProxy(WebServer):
    """Answers on https, with HTTP/1.1 and HTTP/2, with what `backend`, the address of a server, says.

    With `strips`, that prefix of a path is not passed on: the server sees `/` for `/shop/`.
    """

    def __init__(self, backend: str, tls: Certificate, strips: str = "") -> None:
        self.backend = backend
        self.strips = strips
        self._tls = tls
        super().__init__()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        super().prepare()
        # Started as root, it would become another user for its answers, who cannot enter our folder.
        self.user = "nobody" if os.getuid() == 0 else None
        for file in (self._tls.certificate, self._tls.key):
            shutil.copy(file, self.folder / file.name)
        self.certificate, self.key = (
            self.folder / file.name for file in (self._tls.certificate, self._tls.key)
        )

    def command(self) -> list[str]:
        command = super().command()
        if self.user:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self.user)
        return command
