"""Serve one peer on a free port: `python -m e2e.targets.python starsessions memory`.

The encryption or signing key is taken from TARGET_KEY, a Redis URL from TARGET_URL, and a folder for gates
and databases from TARGET_FOLDER.
"""

import importlib
import os
import socket
import sys
from pathlib import Path

import uvicorn


def main(library: str, store: str) -> None:
    # Each library is imported only when asked for: one that is missing is no matter to the others.
    peer = importlib.import_module(f"e2e.targets.python.on_{library}")
    app = peer.create_app(store, os.environ["TARGET_KEY"], Path(os.environ["TARGET_FOLDER"]))
    if serve := getattr(peer, "serve", None):  # of a framework that is no ASGI app
        serve(app)
        return
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
