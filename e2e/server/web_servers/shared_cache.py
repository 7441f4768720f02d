"""A shared cache in front of a server: what its visitors have in common, a browser's own cache aside."""

from e2e.server.web_servers.web_server import WebServer


class SharedCache(WebServer):
    """Keeps what `backend`, the address of a server, allows it to keep.

    What it answers from its cache has `X-Cache: HIT`. Each account of this machine can reach it, as it can
    reach the server itself.
    """

    def __init__(self, backend: str) -> None:
        self.backend = backend
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        super().prepare()
        (self.folder / "cache").mkdir()
