"""Apache as a shared cache."""

import os
import shutil
from pathlib import Path

from e2e import apt
from e2e.services.cache_server import CacheServer
from e2e.services.service import ServiceFailed

MODULES = ("mpm_prefork", "authz_core", "proxy", "proxy_http", "cache", "cache_disk")
FOLDERS = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/opt/homebrew/lib/httpd/modules")
"""Where systems keep the modules."""
NOBODY = 65534
"""Apache refuses to answer as root (Linux, `Documentation/admin-guide/sysctl/fs.rst`, on overflowuid)."""

CONFIGURATION = """\
{modules}
ServerName 127.0.0.1
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
StartServers 1
MinSpareServers 1
ProxyPass / {backend}/
ProxyPreserveHost On
CacheRoot {folder}/cache
CacheEnable disk /
CacheHeader on
"""


class Apache(CacheServer):
    programs = ("apache2", "httpd")
    package = "apache2-bin"
    ready = "resuming normal operations"

    @classmethod
    def install(cls) -> None:
        apt.install(cls.package)  # the program and its modules; it starts nothing

    def prepare(self) -> None:
        super().prepare()
        self._modules = next((folder for folder in map(Path, FOLDERS) if folder.is_dir()), None)
        if self._modules is None:
            raise ServiceFailed(f"no modules of Apache in {', '.join(FOLDERS)}")
        if os.getuid() == 0:
            self.folder.chmod(0o711)
            shutil.chown(self.folder / "cache", NOBODY, NOBODY)

    def configuration(self) -> str:
        modules = "\n".join(
            f"LoadModule {module}_module {self._modules}/mod_{module}.so" for module in MODULES
        )
        text = CONFIGURATION.format(modules=modules, folder=self.folder, port=self.port, backend=self.backend)
        return text + (f"User #{NOBODY}\nGroup #{NOBODY}\n" if os.getuid() == 0 else "")

    def run_with(self, file: str) -> list[str]:
        return [self.program, "-f", file, "-DFOREGROUND"]
