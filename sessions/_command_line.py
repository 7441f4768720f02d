"""The arguments of `python -m sessions`, and the store that they name."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import unquote

from sessions import _commands
from sessions._hidden import Hidden
from sessions.stores import EncryptedStore, MemoryStore, Store, open_store

URL_VARIABLE: Final = "SESSIONS_STORE"
"""The environment variable that may hold the store's URL."""

KEYS_VARIABLE: Final = "SESSIONS_ENCRYPTION_KEY"
"""The environment variable that may hold the encryption keys of the records, one in each line."""

DESCRIPTION: Final = """\
Look after the sessions of a store.

Each command takes the store's URL as an argument, from a file, or from the environment variable
SESSIONS_STORE. A URL with a password belongs into one of the last two: every user of the machine can see
a program's arguments.

If the records are encrypted (`EncryptedStore`), the environment variable SESSIONS_ENCRYPTION_KEY or a file
holds the encryption key, or several, each in a line of its own. All but `count`, `purge` and `destroy --all`
need it.

No command shows an id or a cookie, and only `show --values` shows values. With --json each line of the
answer is one JSON object. Errors and progress go to stderr, progress only to a terminal."""


class ExitCode(IntEnum):
    """What a command returns to the shell."""

    DONE = 0
    NO_SUCH_SESSION = 1
    CANNOT = 2
    UNAVAILABLE = 3
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: Final = {
    ExitCode.DONE: "it is done",
    ExitCode.NO_SUCH_SESSION: "there is no session under the key",
    ExitCode.CANNOT: "the arguments are wrong, the store is not there, or it cannot do that",
    ExitCode.UNAVAILABLE: "the store cannot be reached, or cannot be sure; it may be done in part",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C; it may be done in part",
    ExitCode.BROKEN_PIPE: "whoever read the output, such as head, has left",
}


_REPEATED: Final = re.compile(
    r"(unrecognized arguments|invalid choice|ignored explicit argument).*", re.DOTALL
)

_looks_like_an_option: Final = re.compile("-[A-Za-z0-9_-]{42}").fullmatch
"""What an id may look like: one of 64 begins with a hyphen."""


class _Parser(Hidden, argparse.ArgumentParser):
    """Repeats no argument that it does not understand: that may be an id, or a URL with a password."""

    def error(self, message: str) -> NoReturn:
        super().error(_REPEATED.sub(r"\1 (not shown, as it may be secret)", message))


def check_arguments(arguments: Sequence[str]) -> None:
    """Raises `ValueError` for an id that argparse would take for an option."""
    if any(map(_looks_like_an_option, arguments)):
        raise ValueError(_commands.NO_KEY)


def parser(version: str) -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code.value:<4} {meaning}" for code, meaning in MEANINGS.items())
    made = _Parser(
        prog="python -m sessions",
        description=DESCRIPTION,
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"sessions {version}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: _commands.Command, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        added.set_defaults(command=command, name=name)
        source = added.add_mutually_exclusive_group()
        source.add_argument(
            "url",
            nargs="?",
            metavar="URL",
            help=f"the store, e.g. sqlite:////var/lib/app/sessions.db; else {URL_VARIABLE} says it",
        )
        source.add_argument("--url-file", metavar="FILE", type=Path, help="a file that holds the URL")
        added.add_argument(
            "--encryption-key-file",
            metavar="FILE",
            type=Path,
            help=f"a file that holds the key of encrypted records; else {KEYS_VARIABLE} says it",
        )
        added.add_argument("--json", action="store_true", help="answer in JSON, one object in each line")
        return added

    owner: Any = {"metavar": "OWNER", "help": "what the app set session.owner to"}
    count = add("count", _commands.count, "how many sessions there are")
    count.add_argument("--owner", **owner)
    lister = add("list", _commands.list_, "show key, beginning and end of all sessions, or of one user's")
    lister.add_argument("--owner", **owner)
    show = add("show", _commands.show, "show one session: its facts, and the names and sizes of its values")
    show.add_argument("key", metavar="KEY", help="as list shows it")
    show.add_argument("--values", action="store_true", help="the values too, which may be personal")
    add("stats", _commands.stats, "how old the sessions are, how large, whose, and how many begin in a day")
    destroy = add(
        "destroy", _commands.destroy, "end one session, all of one user, or everybody's (OWASP ASVS 5, 7.4.5)"
    )
    whose = destroy.add_mutually_exclusive_group(required=True)
    whose.add_argument("--key", help="this one")
    whose.add_argument("--owner", **owner)
    whose.add_argument("--all", action="store_true", help="everybody's, those of anonymous visitors too")
    destroy.add_argument("--except", dest="spared", metavar="KEY", help="spare this one; list shows the keys")
    add("purge", _commands.purge, "remove expired sessions from a store, for a cron job")
    return made


def opened(options: argparse.Namespace) -> Store:
    """The store, which makes no table that is missing.

    Raises `ValueError` if nothing says which store, if it is not there, or if nothing can be looked after in
    it, and for an encryption key that is none; `ImportError` as `open_store` does, and `OSError` for a file
    that cannot be read.
    """
    url = _url(options)
    store = open_store(url)
    if isinstance(store, MemoryStore):
        raise ValueError("the memory store is in the process of the app, and no other sees it")
    if not isinstance(store, Store):
        raise ValueError("the cookie store keeps nothing on the server that could be looked after")
    _check_that_it_is_there(url)
    store.makes_storage = False
    keys = _encryption_keys(options)
    return EncryptedStore(store, keys) if keys else store


def reads_records(options: argparse.Namespace) -> bool:
    """Whether the command looks into records, or finds them by their owner. Else it needs no key."""
    if options.name in ("count", "destroy"):
        return options.owner is not None or getattr(options, "key", None) is not None
    return bool(options.name != "purge")


def _url(options: argparse.Namespace) -> str:
    if options.url_file is not None:
        return str(options.url_file.read_text("utf-8")).strip()
    url = options.url or os.environ.get(URL_VARIABLE, "")
    if not url:
        raise ValueError(f"which store? Give its URL, --url-file, or the environment variable {URL_VARIABLE}")
    return str(url)


def _encryption_keys(options: argparse.Namespace) -> list[str]:
    file = options.encryption_key_file
    text = os.environ.get(KEYS_VARIABLE, "") if file is None else str(file.read_text("utf-8"))
    keys = [line.strip() for line in text.splitlines() if line.strip()]
    if file is not None and not keys:
        raise ValueError("the file of the encryption key is empty")
    return keys


def _check_that_it_is_there(url: str) -> None:
    """Raises `ValueError` for a database file that is missing."""
    scheme, _, path = url.partition(":///")
    file = path.partition("?")[0]
    if scheme.partition("+")[0] != "sqlite" or not file:
        return
    # Our own URLs are percent-encoded, SQLAlchemy's are not.
    if not Path(unquote(file) if scheme == "sqlite" else file).exists():
        raise ValueError(f"there is no database {file}")
