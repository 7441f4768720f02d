"""Look after a store from the command line: `python -m sessions purge`, `… list` and `… destroy`.

Each takes the store's URL as an argument, from a file, or from the environment variable SESSIONS_STORE. A URL
with a password belongs into one of the last two: every user of the machine can see a program's arguments.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import anyio

from sessions import __version__
from sessions.errors import SessionError
from sessions.stores import Store, open_store

URL_VARIABLE: Final = "SESSIONS_STORE"
"""The environment variable that may hold the store's URL."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        url = _url(options)
        store = open_store(url)
        _check_that_it_is_there(url)
        if not isinstance(store, Store):
            raise ValueError("the cookie store keeps nothing on the server that could be looked after")
        lines = anyio.run(_run, store, options)
    except (ValueError, ImportError, OSError, NotImplementedError, SessionError) as fault:
        print(f"sessions: {fault}", file=sys.stderr)  # noqa: T201
        return 2
    print("\n".join(lines))  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sessions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"sessions {__version__}")
    commands = parser.add_subparsers(required=True)

    def add(name: str, command: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        added.set_defaults(command=command)
        source = added.add_mutually_exclusive_group()
        source.add_argument(
            "url",
            nargs="?",
            metavar="URL",
            help=f"the store, e.g. sqlite:////var/lib/app/sessions.db; else {URL_VARIABLE} says it",
        )
        source.add_argument("--url-file", metavar="FILE", type=Path, help="a file that holds the URL")
        return added

    add("purge", _purge, "remove expired sessions from a store, for a cron job")
    lister = add("list", _list, "show the sessions of one user: key, beginning and end, the newest first")
    destroy = add("destroy", _destroy, "end all sessions of one user, or of everybody (OWASP ASVS 5, 7.4.5)")

    owner: Any = {"metavar": "OWNER", "help": "what the app set session.owner to"}
    lister.add_argument("--owner", required=True, **owner)
    whose = destroy.add_mutually_exclusive_group(required=True)
    whose.add_argument("--owner", **owner)
    whose.add_argument("--all", action="store_true", help="everybody's, those of anonymous visitors too")
    destroy.add_argument("--except", dest="spared", metavar="KEY", help="spare this one; list shows the keys")
    return parser


def _url(options: argparse.Namespace) -> str:
    """Raises `ValueError` if nothing says it, and `OSError` for a file that cannot be read."""
    if options.url_file is not None:
        return str(options.url_file.read_text("utf-8")).strip()
    url = options.url or os.environ.get(URL_VARIABLE, "")
    if not url:
        raise ValueError(f"which store? Give its URL, --url-file, or the environment variable {URL_VARIABLE}")
    return str(url)


def _check_that_it_is_there(url: str) -> None:
    """Raises `ValueError` for a database file that is missing: to open it would make one, and hide a typo."""
    scheme, _, path = url.partition(":///")
    file = path.partition("?")[0]
    if scheme.partition("+")[0] == "sqlite" and file and not Path(file).exists():
        raise ValueError(f"there is no database {file}")


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
    if not options.all:
        return [f"{_sessions(await store.destroy_all(options.owner, except_key=options.spared))} ended"]
    if options.spared is not None:
        raise ValueError("--except goes with --owner: with --all no session is spared")
    removed = await store.destroy_everything()
    return [f"all sessions ended, {removed} {'record' if removed == 1 else 'records'} removed"]


def _sessions(number: int, kind: str = "") -> str:
    return f"{number} {kind}{'session' if number == 1 else 'sessions'}"


def _time(time: datetime | None) -> str:
    return "never".ljust(20) if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"


if __name__ == "__main__":
    sys.exit(main())
