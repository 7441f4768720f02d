"""Apache as a reverse proxy that ends TLS."""

from e2e.server.web_servers.apache import Apache, load
from e2e.server.web_servers.tls_proxy import TLSProxy

MODULES = ("mpm_event", "authz_core", "headers", "http2", "proxy", "proxy_http", "ssl")

CONFIGURATION = """\
{modules}
ServerName 127.0.0.1
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog "|/bin/cat"
LogLevel notice
Listen 127.0.0.1:{port}
Protocols h2 http/1.1
SSLEngine on
SSLCertificateFile {certificate}
SSLCertificateKeyFile {key}
ProxyPreserveHost On
ProxyPass {strips}/ {backend}/ upgrade=websocket
RequestHeader set X-Forwarded-Proto https
"""


class ApacheTLSProxy(TLSProxy, Apache):
    def configuration(self) -> str:
        return CONFIGURATION.format(
            modules=load(MODULES),
            folder=self.folder,
            port=self.port,
            certificate=self.certificate,
            key=self.key,
            backend=self.backend,
            strips=self.strips,
        )
