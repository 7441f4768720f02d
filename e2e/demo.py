"""Run the reference server by hand: `python -m e2e.demo [--store=NAME or URL] [--https] [its own options]`.

A store is called as in matrix.yml, and the database that it needs is started for it and ends with the demo.
What has a colon in it is a URL that `sessions.open_store` takes.

With `--https` it gets a certificate that nobody has signed. The demo says how to start a Chromium that trusts
it, and that binds sessions to its device.
"""

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from e2e.browser.launch_options import binding_arguments
from e2e.matrix.matrix import Matrix
from e2e.matrix.yaml_file import MatrixError
from e2e.server.certificate import Certificate
from services import ServiceFailed, needed_by, process_group, running

STORE = "REFERENCE_SERVER_STORE"
"""The variable that tells the reference server its store: a command line would show the password."""

OUTPUT, ERRORS = 1, 2
"""The file descriptors of the terminal."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m e2e.demo", description=__doc__)
    parser.add_argument("--store", default="memory")
    parser.add_argument("--https", action="store_true")
    given, rest = parser.parse_known_args(arguments)
    word: str = given.store
    with ExitStack() as ending:
        try:
            if ":" in word:
                url = word
            else:
                matrix = Matrix.load()
                template = matrix.stores[matrix.name("store", word)]
                services = {name: ending.enter_context(running(name)) for name in needed_by(template)}
                folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="demo-"))
                url = template.format(folder=folder, **services)
        except (MatrixError, ServiceFailed) as problem:
            print(problem, file=sys.stderr)
            return 2
        if given.https:
            folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="demo-tls-"))
            certificate = Certificate.make(Path(folder))
            rest += ["--tls-cert", str(certificate.certificate), "--tls-key", str(certificate.key)]
            options = shlex.join([f"--user-data-dir={folder}/browser", *binding_arguments(certificate)])
            print(f"A browser that binds sessions: chromium {options}", flush=True)
        command = [sys.executable, "-m", "reference_server", *rest]
        server = process_group.start(command, OUTPUT, errors=ERRORS, environment={**os.environ, STORE: url})
        try:
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            process_group.stop(server)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
