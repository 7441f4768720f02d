"""gunicorn with its own ASGI worker. With TLS it offers HTTP/2."""

from __future__ import annotations

from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]

from reference_server.servers.site import GRACE, Site
from reference_server.servers.worker import create


def hurry(_: Any, worker: Any) -> None:
    """A worker takes up to a second to notice its end, and then waits for requests as long as it is given."""
    worker.cfg.set("graceful_timeout", GRACE)


def serve(site: Site, _: str) -> None:
    site.announced_by_workers()
    options: dict[str, Any] = {
        "bind": f"fd://{site.listening.detach()}",
        "worker_class": "asgi",
        "workers": site.workers,
        "root_path": site.root_path,
        "asgi_lifespan": "on",
        "graceful_timeout": GRACE + 2,
        "post_fork": hurry,
        "loglevel": "warning",
        "limit_request_field_size": 32_768,  # bytes; by default 8190, less than two full cookies
        "control_socket_disable": True,  # else every start leaves a socket in the home folder
    }
    if site.certificate:
        options |= {
            "certfile": str(site.certificate),
            "keyfile": str(site.key),
            "http_protocols": "h2,h1",
        }

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return create()

    class GracefulArbiter(Arbiter):  # type: ignore[misc]
        # On SIGINT its workers would leave out the lifespan's end.
        handle_int = Arbiter.handle_term

    GracefulArbiter(Application()).run()
