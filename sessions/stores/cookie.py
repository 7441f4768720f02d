"""The cookie store: no store at all, the session travels sealed in the cookie."""

from __future__ import annotations

from typing import Final

from sessions._carriers import Carrier, ContentCarrier
from sessions._keys import MAKE_ONE, KeyRing
from sessions._lifetime import Lifetime

MAX_BYTES: Final = 15_000
"""Bytes of cookies by default. Servers refuse requests with larger headers than they allow, and a
browser that holds such cookies could not even log out: hypercorn, daphne and Node stop at 16 KiB in all.
A proxy may allow less (nginx: 8 KiB a line, `large_client_header_buffers`)."""


class CookieStore:
    """Keeps sessions in the browser, encrypted (Iron `Fe26.2`). `SessionMiddleware` needs a key for it.

    Choose a server-side store when logout must be final, when a session is written by parallel
    requests, or when it is larger than a few kilobytes: none of that can be had without a server's memory.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        """`max_bytes` counts names and values of all cookies of one session, as the browser sends them."""
        if max_bytes < 512:
            raise ValueError("max_bytes is too small for any sealed session: at least 512")
        self.max_bytes = max_bytes

    def carrier(self, lifetime: Lifetime, keys: KeyRing | None) -> Carrier:
        """Raises `ValueError` without a key."""
        if keys is None:
            raise ValueError(f"the cookie store needs an encryption_key; {MAKE_ONE}")
        return ContentCarrier(lifetime, keys, self.max_bytes)
