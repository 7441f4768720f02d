"""`python -m e2e.cache_servers`: find the shared caches that the tests use, or install what is missing.

It says nothing where all is there. What cannot be installed is one line each, and the tests
that need it fail.
"""

import sys

from e2e.services.apache import Apache
from e2e.services.nginx import Nginx


def main() -> None:
    for kind in (Nginx, Apache):
        if kind.found() is None:
            kind.install()
            if kind.found() is None:
                print(kind.missing(), file=sys.stderr)


if __name__ == "__main__":
    main()
