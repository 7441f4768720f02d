"""hypercorn, on asyncio or on trio. With TLS it offers HTTP/2."""

from __future__ import annotations

import asyncio
import logging
import signal
from functools import partial

from hypercorn.config import Config
from hypercorn.run import run
from hypercorn.utils import LifespanFailureError

from reference_server.app import create_app
from reference_server.servers.site import GRACE, CannotServe, Site
from reference_server.servers.worker import StartWatch, announce, hurry_tls, is_complete

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(site: Site, event_loop: str) -> None:
    url = site.url
    hurry_tls()
    config = Config()
    config.graceful_timeout = GRACE
    config.root_path = site.root_path
    if site.certificate and site.key:
        config.certfile, config.keyfile = str(site.certificate), str(site.key)
    if site.workers > 1:
        roll = site.announced_by_workers()
        config.bind = [f"fd://{site.listening.detach()}"]
        config.worker_class = event_loop
        config.workers = site.workers
        config.application_path = "reference_server.servers.worker:create()"
        config.loglevel = "WARNING"
        run(config)  # what it returns is 0 also after a failure
        if not is_complete(roll, site.workers):
            raise CannotServe("a worker did not start")
        return
    config.bind = [f"fd://{site.listening.detach()}"]
    config.errorlog = logging.getLogger("hypercorn.error")  # its own would say everything twice
    app = StartWatch(create_app())
    try:
        (serve_on_trio if event_loop == "trio" else serve_on_asyncio)(app, config, url)
    except* LifespanFailureError:
        pass
    if not app.started:  # whatever hypercorn made of it: an error, a shutdown or nothing
        raise CannotServe(app.complaint)


# Hypercorn waits for its trigger once it accepts connections, so that is the moment to say so.


def serve_on_asyncio(app: StartWatch, config: Config, url: str) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415

    async def until_told() -> None:
        told = asyncio.Event()
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        if app.started:
            announce(url)
            await told.wait()

    asyncio.run(serve(app, config, shutdown_trigger=until_told))  # type: ignore[arg-type]


def serve_on_trio(app: StartWatch, config: Config, url: str) -> None:
    import trio  # noqa: PLC0415
    from hypercorn.trio import serve  # noqa: PLC0415

    async def until_told() -> None:
        with trio.open_signal_receiver(*SIGNALS) as signals:
            if app.started:
                announce(url)
                await anext(signals)

    trio.run(partial(serve, app, config, shutdown_trigger=until_told))  # type: ignore[arg-type]
