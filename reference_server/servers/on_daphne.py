"""daphne: one process on Twisted, without lifespan. With TLS it offers HTTP/2."""

from __future__ import annotations

import re
import socket
from typing import Any, Final

import daphne.server  # type: ignore[import-untyped]

from reference_server.app import create_app
from reference_server.servers.site import CannotServe, Site
from reference_server.servers.sockets import held
from reference_server.servers.worker import announce


def serve(site: Site, _: str) -> None:
    url = site.url
    if site.certificate is None and site.listening.family == socket.AF_INET:
        run(site, f"fd:fileno={site.listening.detach()}", url)
        return
    # For the rest Twisted has names only of endpoints that bind for themselves.
    if site.inherited:
        raise CannotServe("https and IPv6 need a socket of its own: use --port")
    with held(site.listening) as (host, port, *_rest):
        endpoint = f"{port}:interface={escaped(host)}"
        if site.certificate is None:
            run(site, f"tcp:{endpoint}", url)
        else:
            files = f"certKey={escaped(site.certificate)}:privateKey={escaped(site.key)}"
            run(site, f"ssl:{endpoint}:{files}", url)


def escaped(value: object) -> str:
    """As the values in Twisted's endpoint strings have to be."""
    return re.sub(r"[\\:=]", r"\\\g<0>", str(value))


INSTANCE: Final = "application_instance"


class Server(daphne.server.Server):  # type: ignore[misc]
    connections: dict[Any, dict[str, Any]]

    def kill_all_applications(self) -> Any:
        # Its own stumbles over what a websocket was before its upgrade, and then ends no application at
        # all; one that waits on for its websocket can keep the whole process from ending.
        for protocol in [each for each, about in self.connections.items() if INSTANCE not in about]:
            del self.connections[protocol]
        return super().kill_all_applications()


def run(site: Site, endpoint: str, url: str) -> None:
    server = Server(
        create_app(),
        endpoints=[endpoint],
        root_path=site.root_path,
        application_close_timeout=1,
        verbosity=0,
        ready_callable=lambda: announce(url),
    )
    server.run()
    if not server.listening_addresses:
        raise CannotServe("it could not listen")
