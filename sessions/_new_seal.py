"""A cookie that an older key sealed is sent anew, sealed by the first key (SEAL-7).

So a replaced key is gone from the browsers after their next request, and can be dropped without a logout.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

import msgspec

from sessions._asgi import SECURE_SCHEMES, Message, Send
from sessions._caching import for_shared_caches, setting_cookies
from sessions._carriers import Carried, Carrier, Loaded
from sessions._cookie import Cookie
from sessions._cookie_header import Found
from sessions._hidden import Hidden
from sessions.errors import SessionError


class NewSeal(Hidden, msgspec.Struct, frozen=True):
    """What a new seal for one request's cookie is made from."""

    carrier: Carrier
    carried: Carried
    cookie: Cookie
    found: Found
    scope: MutableMapping[str, Any]

    async def added(self, message: Message) -> Message:
        """The start of the response with the cookie, sealed anew.

        Not if the response sets the cookie already, or if shared caches may keep it. Nor if the session has
        ended or got a new id meanwhile: the old id would take the new one's place in the browser (ROT-2).
        """
        headers = list(message.get("headers", ()))
        if self.cookie.is_set_in(headers) or for_shared_caches(headers):
            return message
        try:
            again = await self.carrier.find_again(self.carried)
            if again is None or again[1].moved is not None:
                return message
            cookies = self._cookies(again, headers)
        except SessionError:  # the store is away, or the limit is smaller by now: the next response will do
            return message
        return {**message, "headers": setting_cookies(headers, cookies)}

    def _cookies(self, living: Loaded, headers: list[tuple[bytes, bytes]]) -> list[bytes]:
        """Raises `CookieTooLarge`."""
        carrier, (carried, content) = self.carrier, living
        lifetime = carrier.lifetime.of_session(content.owner, content.timeouts)
        return self.cookie.write(
            carrier.cookie(carried),
            lifetime.max_age(carried.record.expires_at, time.time()),
            https=self.scope.get("scheme") in SECURE_SCHEMES,
            max_bytes=carrier.max_bytes,
            stale=self.found.numbers,
            headers=headers,
        )


def with_new_seal(new_seal: NewSeal, send: Send) -> Send:
    """What the response is sent with. A websocket's cookie waits for the next http response."""

    async def send_with_it(message: Message) -> None:
        await send(await new_seal.added(message) if message["type"] == "http.response.start" else message)

    return send_with_it
