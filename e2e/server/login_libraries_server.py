"""The app of `login_libraries_app.py` as the tests' server."""

from pathlib import Path

from e2e.server.login_libraries_app import STORE
from e2e.server.uvicorn_app import UvicornApp


class LoginLibrariesServer(UvicornApp):
    def __init__(self, store: str, *, log: Path) -> None:
        """Returns when it answers. Raises ServerFailed with its own output."""
        factory = "e2e.server.login_libraries_app:app"
        super().__init__("login libraries", factory, {STORE: store}, probe="/ready", log=log)
