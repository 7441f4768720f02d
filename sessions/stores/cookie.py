"""The cookie store: no store at all, the session travels sealed in the cookie."""

from __future__ import annotations

from typing import Final, Literal

from sessions._carriers import Carrier, ContentCarrier, HonoCarrier
from sessions._keys import MAKE_ONE, KeyRing, Purpose
from sessions._lifetime import Lifetime

MAX_BYTES: Final = 3_000
"""Bytes of cookies by default: what every proxy, server and client takes as it is installed. nginx takes
4,096 bytes of a response's header (`proxy_buffer_size`), else the browser gets a 502 and no cookie. Of a
request nginx and Apache take about 8,190 bytes of cookies. Who holds more could not even log out."""

MOST_BYTES: Final = 60_000
"""Bytes that `max_bytes` can allow: more than 64 kB of cookies are not read, and the app may have others."""


class CookieStore:
    """Keeps sessions in the browser, encrypted (Iron `Fe26.2`). `SessionMiddleware` needs a key for it.

    Choose a server-side store when logout must be final, when a session is written by parallel
    requests, or when it is larger than a few kilobytes: none of that can be had without a server's memory.
    """

    def __init__(
        self, *, max_bytes: int = MAX_BYTES, shared_with: Literal["hono-sessions"] | None = None
    ) -> None:
        """Raises `ValueError` for a limit under 512 or over 60,000 bytes, and for another library than these.

        Args:
            max_bytes: counts names and values of all cookies of one session, as the browser sends them.
                Before you raise it, raise the limits of all proxies and servers on the way (docs/deploy.md).
            shared_with: keep sessions in the format of this library's cookie store, so that both share them.
                That format does not say what a seal is for. Then any seal that is made with the same key
                and holds such a record opens as a session (docs/hono.md).
        """
        if max_bytes < 512:
            raise ValueError("max_bytes is too small for any sealed session: at least 512")
        if max_bytes > MOST_BYTES:
            raise ValueError(f"max_bytes is more than a request can bring back: at most {MOST_BYTES}")
        if shared_with not in (None, "hono-sessions"):
            raise ValueError("shared_with is None or 'hono-sessions'")
        self.max_bytes = max_bytes
        self.shared_with = shared_with

    def carrier(self, lifetime: Lifetime, keys: KeyRing | None, purpose: Purpose) -> Carrier:
        """Raises `ValueError` without a key, and for a realm that a shared cookie has no room for."""
        if keys is None:
            raise ValueError(f"the cookie store needs an encryption_key; {MAKE_ONE}")
        if self.shared_with is None:
            return ContentCarrier(lifetime, keys, purpose, self.max_bytes)
        if purpose.realm:
            raise ValueError(f"a cookie that is shared with {self.shared_with} has no realm: leave it out")
        return HonoCarrier(lifetime, keys, purpose.cookie_name, self.max_bytes)
