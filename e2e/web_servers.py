"""Find nginx and Apache, or install them with apt: `python -m e2e.web_servers`.

The browser tests run them on ports of their own, with configurations of their own. Where they cannot be
installed this only says so: a run in which a cell needs one then fails, and says it again.
"""

import shutil
import sys

from e2e.browsers import as_root, run
from e2e.proxied_server import PROXIES


def main() -> int:
    missing = [proxy for proxy in PROXIES.values() if proxy.found() is None]
    sudo = as_root()
    if missing and sudo is not None and shutil.which("apt-get"):
        packages = [proxy.package for proxy in missing]
        print(f"Installing {' and '.join(packages)} with apt")
        run([*sudo, "apt-get", "update", "-qq"])
        run([*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages])
    for proxy in PROXIES.values():
        print(proxy.found() or proxy.missing())
    return 0


if __name__ == "__main__":
    sys.exit(main())
