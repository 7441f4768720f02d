"""Look after a store from the command line: `python -m sessions purge URL`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import anyio

from sessions.errors import SessionError
from sessions.stores import Store, open_store


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sessions", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    purge = commands.add_parser("purge", help="remove expired sessions from a store, for a cron job")
    purge.add_argument("url", metavar="URL", help="the store, e.g. sqlite:////var/lib/app/sessions.db")
    options = parser.parse_args(arguments)
    try:
        store = open_store(options.url)
        if not isinstance(store, Store):
            raise ValueError("the cookie store keeps nothing on the server, so there is nothing to purge")
        number = anyio.run(_purge, store)
    except (ValueError, SessionError) as fault:
        print(f"sessions: {fault}", file=sys.stderr)  # noqa: T201
        return 2
    print(f"{number} expired {'session' if number == 1 else 'sessions'} removed")  # noqa: T201
    return 0


async def _purge(store: Store) -> int:
    try:
        return await store.purge()
    finally:
        await store.close()


if __name__ == "__main__":
    sys.exit(main())
