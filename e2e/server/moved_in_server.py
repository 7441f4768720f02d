"""The app of `moved_in_app.py` as the tests' server, before the move or after it."""

from pathlib import Path
from typing import Literal

from e2e.server.moved_in_app import COOKIE, STORE
from e2e.server.uvicorn_app import UvicornApp


class MovedServer(UvicornApp):
    def __init__(self, when: Literal["old", "new"], cookie: str, store: str, *, log: Path) -> None:
        """Returns when it answers. Raises ServerFailed with its own output."""
        factory = f"e2e.server.moved_in_app:{when}"
        super().__init__(f"moved-{when}", factory, {COOKIE: cookie, STORE: store}, probe="/ready", log=log)
