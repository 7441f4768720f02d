"""The server under test behind a reverse proxy that ends TLS, as most people deploy it."""

import ssl
from pathlib import Path
from typing import Final

from e2e.matrix.matrix import PLAIN
from e2e.server.certificate import Certificate
from e2e.server.server import Server
from e2e.server.web_servers.apache_tls_proxy import ApacheTLSProxy
from e2e.server.web_servers.nginx_tls_proxy import NginxTLSProxy
from e2e.server.web_servers.tls_proxy import TLSProxy

PROXIES: Final[dict[str, type[TLSProxy]]] = {"behind-nginx": NginxTLSProxy, "behind-apache": ApacheTLSProxy}
"""By the mode of the cell."""


class ProxiedServer(Server):
    """`url` is that of the proxy. With `strips` it removes the prefix under which browsers reach the app."""

    def __init__(
        self,
        server: str,
        store: str,
        *,
        key: str,
        folder: Path,
        log: Path,
        mode: str,
        tls: Certificate,
        root_path: bool = False,
        strips: bool = False,
    ) -> None:
        """Raises `ServerFailed`, and `ServiceFailed` if the machine has no such proxy."""
        super().__init__(
            server, store, key=key, folder=folder, log=log, mode="root-path" if root_path else PLAIN
        )
        try:
            self._proxy = PROXIES[mode](self.url, tls, self.prefix if strips else "")
            self._proxy.__enter__()
        except BaseException:
            super().stop()
            raise
        self.url = self._proxy.url
        self._tls = ssl.create_default_context(cafile=tls.authority)

    def stop(self) -> None:
        super().stop()
        if proxy := getattr(self, "_proxy", None):
            proxy.close()
