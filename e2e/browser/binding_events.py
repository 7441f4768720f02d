"""What a browser does to bind sessions to its device, as it tells over the Chrome DevTools Protocol.

Its requests to the endpoint are in no page's network log, and a page does not learn when they are over.
"""

import time
from typing import Any, Literal

from playwright.sync_api import Page

from e2e.browser.page import PATIENCE

Kind = Literal["creation", "challenge", "refresh", "termination"]
"""A session was bound; a challenge came in; the device proved itself; the browser gave the binding up."""

MOMENT = 5
"""Milliseconds between two looks."""


class BindingEvents:
    """The events of the page's site since this object was made, the oldest first."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._seen: list[dict[str, Any]] = []
        line = page.context.new_cdp_session(page)
        line.on("Network.deviceBoundSessionEventOccurred", self._note)
        line.send("Network.enable")
        line.send("Network.enableDeviceBoundSessions", {"enable": True})

    def _note(self, event: dict[str, Any]) -> None:
        self._seen.append(event)

    def of(self, kind: Kind, binding: str = "") -> list[dict[str, Any]]:
        """Of one binding, if its identifier is given."""
        return [
            event
            for event in self._seen
            if f"{kind}EventDetails" in event and binding in ("", event.get("sessionId"))
        ]

    def wait_for(self, kind: Kind, number: int = 1, binding: str = "") -> dict[str, Any]:
        """The event of this kind with this number, counted from one. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE / 1000
        while len(found := self.of(kind, binding)) < number:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} of {number} events {kind}; seen: {self._seen}")
            self._page.wait_for_timeout(MOMENT)
        return found[number - 1]
