"""`python -m reference_server --server uvicorn --store memory: --port 8000`"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from typing import NoReturn

from reference_server import settings
from reference_server.servers import BINDS_ITSELF, SERVERS, bind, inherit
from sessions import open_store

LAST_PORT = 65535


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(message)


def fail(message: str) -> NoReturn:
    print(f"reference_server: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)


def arguments() -> argparse.Namespace:
    parser = Parser(prog="reference_server", description="The demo app of sessions, on a real server.")
    parser.add_argument(
        "--server", default="uvicorn", help=f"one of {', '.join(SERVERS)} (default: %(default)s)"
    )
    parser.add_argument(
        "--store", default="memory:", metavar="URL", help="memory:, sqlite:///path or cookie:"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one (default: %(default)s)")
    parser.add_argument("--fd", type=int, help="serve on this inherited listening socket instead")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.server not in SERVERS:
        fail(f"unknown server {given.server!r}: choose one of {', '.join(SERVERS)}")
    if given.fd is not None and given.server in BINDS_ITSELF:
        fail(f"{given.server} cannot inherit a listening socket: use --port")
    if not 0 <= given.port <= LAST_PORT:
        fail(f"there is no port {given.port}")
    os.environ[settings.STORE], os.environ[settings.SERVER] = given.store, given.server
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, stream=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="reference-server-") as gates:
        os.environ.setdefault(settings.GATES, gates)
        try:
            open_store(given.store)  # says now what a worker would find out later
            settings.Settings.from_environment()
            listening = inherit(given.fd) if given.fd is not None else bind(given.host, given.port)
        except OSError as error:
            where = f"{given.host}:{given.port}" if given.fd is None else f"descriptor {given.fd}"
            fail(f"cannot listen on {where}: {error.strerror or error}")
        except ValueError as error:
            fail(str(error))
        try:
            SERVERS[given.server](listening)
        except ModuleNotFoundError as error:
            fail(f"{given.server} is not installed: no module named {error.name!r}")
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
