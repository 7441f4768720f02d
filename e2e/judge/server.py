"""The judged server as the tests see theirs: it runs already, and nobody here can stop it."""

from pathlib import Path
from typing import NoReturn

from e2e.server.server import Server


class RunningServer(Server):
    def __init__(self, url: str, log: Path) -> None:
        """`log` stays empty: what the server writes, its own terminal shows."""
        self.url, self.log = url, log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()

    def stop(self) -> None:
        """Nothing to do."""

    def kill(self) -> NoReturn:
        raise NotImplementedError("a server that is judged is not ours to end")
