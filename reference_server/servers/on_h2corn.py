"""h2corn. With TLS it offers HTTP/2."""

from __future__ import annotations

from h2corn import Config
from h2corn import serve as serve_with_supervisor

from reference_server.servers.site import GRACE, Site
from reference_server.servers.worker import create


def serve(site: Site, _: str) -> None:
    site.announced_by_workers()
    config = Config(
        bind=(f"fd://{site.listening.fileno()}",),
        workers=site.workers,
        root_path=site.root_path,
        lifespan="on",
        certfile=site.certificate,
        keyfile=site.key,
        access_log=False,
        timeout_graceful_shutdown=GRACE,
    )
    serve_with_supervisor(create, config, factory=True)
