"""`python -m reference_server --server uvicorn --store memory: --port 8000`"""

from __future__ import annotations

import argparse
import logging
import os
import re
import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from reference_server import settings
from reference_server.servers import SERVERS
from reference_server.servers.site import CannotServe, Site
from reference_server.servers.sockets import bind, inherit
from sessions import open_store

LAST_PORT = 65535
MOST_WORKERS = 64
ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
ON_TRIO = ("memory:", "cookie:", "sqlite:")


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
        "--store",
        default=os.environ.get(settings.STORE) or "memory:",
        metavar="URL",
        help="memory:, cookie:, sqlite:///path, or any other that sessions.open_store takes; one with a "
        f"password belongs into the variable {settings.STORE}, as everybody can list command lines",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any free one (default: %(default)s)")
    parser.add_argument("--fd", type=int, help="serve on this inherited listening socket instead")
    parser.add_argument("--workers", type=int, default=1, help="server processes (default: %(default)s)")
    parser.add_argument(
        "--root-path", default="", metavar="/PREFIX", help="the prefix under which browsers reach the app"
    )
    parser.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="serve https with this certificate (PEM)"
    )
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="and this private key, PEM")
    return parser.parse_args()


def complaint_about(given: argparse.Namespace) -> str | None:
    """What is wrong with the options, if anything is."""
    server = SERVERS.get(given.server)
    scheme = given.store.partition(":")[0].lower() + ":"
    if server is None:
        return f"unknown server {given.server!r}: choose one of {', '.join(SERVERS)}"
    if given.fd is not None and "--fd" in server.cannot:
        return f"{given.server} cannot {server.cannot['--fd']}"
    if given.workers > 1 and "--workers" in server.cannot:
        return f"{given.server} cannot {server.cannot['--workers']}"
    if not 0 <= given.port <= LAST_PORT:
        return f"there is no port {given.port}"
    if not 1 <= given.workers <= MOST_WORKERS:
        return f"--workers is a number from 1 to {MOST_WORKERS}"
    if given.workers > 1 and scheme == "memory:":
        return "workers do not see each other's memory: with --workers choose another store"
    if server.on_trio and scheme not in ON_TRIO:
        return f"{given.server} runs on trio, where of the stores only {', '.join(ON_TRIO)} work"
    if given.root_path and not ROOT_PATH.fullmatch(given.root_path):
        return "--root-path is a path like /shop, without a slash at its end"
    if (given.tls_cert is None) != (given.tls_key is None):
        return "--tls-cert and --tls-key go together"
    return None


def check_tls(certificate: Path | None, key: Path | None) -> None:
    """Raises `ValueError` for files that no server could use; each would say so in its own way."""
    if certificate:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        except OSError as error:  # what `ssl` raises is one too
            raise ValueError(f"cannot use the TLS certificate and key: {error.strerror or error}") from error


@contextmanager
def scratch_folder() -> Iterator[str]:
    """A temporary folder, removed at the end of this process and not of a worker forked from it."""
    folder, owner = tempfile.mkdtemp(prefix="reference-server-"), os.getpid()
    try:
        yield folder
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    given = arguments()
    if complaint := complaint_about(given):
        fail(complaint)
    os.environ[settings.STORE], os.environ[settings.SERVER] = given.store, given.server
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, stream=sys.stderr)
    with scratch_folder() as scratch:
        os.environ[settings.SCRATCH] = scratch
        os.environ.setdefault(settings.GATES, scratch)
        try:
            check_tls(given.tls_cert, given.tls_key)
            open_store(given.store)  # says now what a worker would find out later
            settings.Settings.from_environment()
            listening = inherit(given.fd) if given.fd is not None else bind(given.host, given.port)
        except OSError as error:
            where = f"{given.host}:{given.port}" if given.fd is None else f"descriptor {given.fd}"
            fail(f"cannot listen on {where}: {error.strerror or error}")
        except (ValueError, ImportError) as error:
            fail(str(error))
        site = Site(
            listening,
            given.fd is not None,
            given.workers,
            given.root_path,
            given.tls_cert and given.tls_cert.resolve(),
            given.tls_key and given.tls_key.resolve(),
        )
        try:
            SERVERS[given.server].serve(site)
        except ModuleNotFoundError as error:
            fail(f"{given.server} is not installed: no module named {error.name!r}")
        except (CannotServe, OSError, ValueError) as error:
            fail(f"{given.server} did not start: {error}")
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
