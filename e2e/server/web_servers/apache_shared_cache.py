"""Apache as a shared cache."""

import os
import shutil

from e2e.server.web_servers.apache import Apache, load
from e2e.server.web_servers.shared_cache import SharedCache

MODULES = ("mpm_prefork", "authz_core", "proxy", "proxy_http", "cache", "cache_disk")
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


class ApacheSharedCache(SharedCache, Apache):
    def prepare(self) -> None:
        super().prepare()
        if os.getuid() == 0:
            self.folder.chmod(0o711)
            shutil.chown(self.folder / "cache", NOBODY, NOBODY)

    def configuration(self) -> str:
        text = CONFIGURATION.format(
            modules=load(MODULES), folder=self.folder, port=self.port, backend=self.backend
        )
        return text + (f"User #{NOBODY}\nGroup #{NOBODY}\n" if os.getuid() == 0 else "")
