"""Apache as a reverse proxy that ends TLS."""

from pathlib import Path

from e2e.services.service import ServiceFailed
from e2e.services.tls_proxy import TLSProxy

MODULES = ("mpm_event", "authz_core", "headers", "http2", "proxy", "proxy_http", "ssl")
FOLDERS = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/opt/homebrew/lib/httpd/modules")
"""Where systems keep the modules."""

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


class ApacheProxy(TLSProxy):
    programs = ("apache2", "httpd")
    package = "apache2-bin"
    ready = "resuming normal operations"

    def configuration(self) -> str:
        home = next((folder for folder in map(Path, FOLDERS) if folder.is_dir()), None)
        if home is None:
            raise ServiceFailed(f"no modules of Apache in {', '.join(FOLDERS)}")
        return CONFIGURATION.format(
            modules="\n".join(f"LoadModule {name}_module {home}/mod_{name}.so" for name in MODULES),
            folder=self.folder,
            port=self.port,
            certificate=self.certificate,
            key=self.key,
            backend=self.backend,
            strips=self.strips,
        )

    def run_with(self, file: str) -> list[str]:
        return [self.program, "-f", file, "-DFOREGROUND"]
