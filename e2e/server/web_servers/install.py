"""`python -m e2e.server.web_servers.install`: find nginx and Apache, or install what is missing.

The tests run them as proxies and as shared caches, on ports and with configurations of their own. It says
nothing where both are there. What cannot be installed is one line each, and the tests that need it fail.
"""

import sys

from e2e.server.web_servers.apache import Apache
from e2e.server.web_servers.nginx import Nginx


def main() -> None:
    for kind in (Nginx, Apache):
        if kind.found() is None:
            kind.install()
            if kind.found() is None:
                print(kind.missing(), file=sys.stderr)


if __name__ == "__main__":
    main()
