"""Expired sessions leave the store by themselves, as long as the app runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio

from sessions._carriers import Carrier
from sessions.errors import SessionError

logger = logging.getLogger("sessions")

PURGE_INTERVAL: Final = 60.0
"""Seconds between two purges."""


class Purger:
    """Purges in the background where the server runs the lifespan protocol, else after a response.

    Some servers (daphne) have no lifespan, and neither have mounted apps.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.due = time.monotonic() + PURGE_INTERVAL

    async def run(self) -> None:
        """A purge that fails is logged and tried again later; neither a request nor the app fails by it."""
        self.due = time.monotonic() + PURGE_INTERVAL
        try:
            await self._carrier.purge()
        except Exception as fault:
            logger.warning("could not purge expired sessions: %s", _told(fault))

    async def run_beside(
        self, app: Callable[..., Awaitable[None]], scope: Any, receive: Any, send: Any
    ) -> None:
        """Run the app's lifespan, purge while it waits for its end, and close the store then.

        All is done before the server hears `lifespan.shutdown.complete`: with that said, hypercorn cancels
        whatever is left of the lifespan, and uvicorn stops the event loop.
        """
        started = False

        async def receive_while_purging() -> Any:
            if not started:
                return await receive()
            message: Any = None
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._run_for_ever)
                message = await receive()
                tasks.cancel_scope.cancel()
            return message

        async def close_and_send(message: Any) -> None:
            nonlocal started
            if message["type"] == "lifespan.startup.complete":
                started = True
            elif message["type"].startswith("lifespan.shutdown."):
                await self._close()
            await send(message)

        await app(scope, receive_while_purging, close_and_send)

    async def _close(self) -> None:
        try:
            await self._carrier.close()
        except Exception as fault:
            logger.warning("could not close the store: %s", _told(fault))

    async def _run_for_ever(self) -> None:
        while True:
            await self.run()
            await anyio.sleep(PURGE_INTERVAL)


def _told(fault: Exception) -> str:
    """What the log says of it. Other errors than ours may quote values, so of them the kind alone."""
    return str(fault) if isinstance(fault, SessionError) else f"the store raised {type(fault).__name__}"
