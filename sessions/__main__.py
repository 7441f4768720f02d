"""Look after a store from the command line: `python -m sessions purge URL`, `… list URL OWNER`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import anyio

from sessions.errors import SessionError
from sessions.stores import Store, open_store


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        store = open_store(options.url)
        if not isinstance(store, Store):
            raise ValueError("the cookie store keeps nothing on the server that could be looked after")
        lines = anyio.run(_run, store, options)
    except (ValueError, ImportError, NotImplementedError, SessionError) as fault:
        print(f"sessions: {fault}", file=sys.stderr)  # noqa: T201
        return 2
    print("\n".join(lines))  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sessions", description=__doc__)
    commands = parser.add_subparsers(required=True)
    add = commands.add_parser

    purge = add("purge", help="remove expired sessions from a store, for a cron job")
    purge.set_defaults(command=_purge)
    lister = add("list", help="show the sessions of one user: key, beginning and end, the newest first")
    lister.set_defaults(command=_list)
    destroy = add("destroy", help="end all sessions of one user (OWASP ASVS 5, 7.4.5)")
    destroy.set_defaults(command=_destroy)

    for command in (purge, lister, destroy):
        command.add_argument("url", metavar="URL", help="the store, e.g. sqlite:////var/lib/app/sessions.db")
    for command in (lister, destroy):
        command.add_argument("owner", metavar="OWNER", help="what the app set session.owner to")
    destroy.add_argument("--except", dest="spared", metavar="KEY", help="spare this one; list shows the keys")
    return parser


async def _run(store: Store, options: argparse.Namespace) -> list[str]:
    try:
        lines: list[str] = await options.command(store, options)
        return lines
    finally:
        await store.close()


async def _purge(store: Store, _: Any) -> list[str]:
    return [f"{_sessions(await store.purge(), 'expired ')} removed"]


async def _list(store: Store, options: argparse.Namespace) -> list[str]:
    sessions = await store.sessions_of(options.owner)
    return [
        *(f"{session.key}  {_time(session.created_at)}  {_time(session.expires_at)}" for session in sessions),
        _sessions(len(sessions)),
    ]


async def _destroy(store: Store, options: argparse.Namespace) -> list[str]:
    return [f"{_sessions(await store.destroy_all(options.owner, except_key=options.spared))} ended"]


def _sessions(number: int, kind: str = "") -> str:
    return f"{number} {kind}{'session' if number == 1 else 'sessions'}"


def _time(time: datetime | None) -> str:
    return "never".ljust(20) if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"


if __name__ == "__main__":
    sys.exit(main())
