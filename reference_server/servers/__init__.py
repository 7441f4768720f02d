"""The ASGI servers that can run the demo: one module each, which serves until a signal and ends cleanly.

A module is imported when its server was chosen, so that only that one has to be installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final

from reference_server.servers.site import Site


@dataclass(frozen=True)
class Server:
    """`cannot` says of an option that the server lacks how the sentence "x cannot …" goes on."""

    module: str
    variant: str = ""
    cannot: Mapping[str, str] = field(default_factory=dict[str, str])
    on_trio: bool = False

    def serve(self, site: Site) -> None:
        """Returns when a signal has ended the server.

        Raises:
            ModuleNotFoundError: the server is not installed.
            CannotServe: it did not start; what it had to say of that is in its log.
        """
        import_module(f"reference_server.servers.{self.module}").serve(site, self.variant)


SERVERS: Final[dict[str, Server]] = {
    "uvicorn": Server("on_uvicorn", "httptools"),
    "uvicorn-h11": Server("on_uvicorn", "h11"),
    "hypercorn": Server("on_hypercorn", "asyncio"),
    "hypercorn-trio": Server("on_hypercorn", "trio", on_trio=True),
    "granian": Server("on_granian", cannot={"--fd": "inherit a listening socket: use --port"}),
    "gunicorn": Server("on_gunicorn"),
    "daphne": Server("on_daphne", cannot={"--workers": "run several workers: it is one process"}),
    "h2corn": Server("on_h2corn"),
}
