"""asgi-sessions with `session_type="fernet"`: JSON in a Fernet token.

The other two types are not read. `base64` is not signed, so that anybody can write such a session. For `jwt`
there would be PyJWT.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken

from sessions._keys import key_text
from sessions._lifetime import Duration
from sessions.moving._content import json_in
from sessions.moving._old_cookie import (
    TWO_WEEKS,
    Convert,
    OldCookie,
    OldSession,
    Owner,
    Refused,
    of_usual_size,
    values_in,
)
from sessions.moving._signatures import age_limit, expiry


class AsgiSessionsCookie(OldCookie):
    """The cookie of asgi-sessions' `SessionMiddleware(session_type="fernet")`.

    Args:
        secret_key: as it was there.
        cookie_name: as it was there.
        max_age: as it was there, in seconds.
        owner: see `OldCookie`.
        convert: see `OldCookie`.
    """

    def __init__(
        self,
        secret_key: object,
        cookie_name: str = "session",
        max_age: Duration | None = TWO_WEEKS,
        *,
        owner: Owner | None = None,
        convert: Convert | None = None,
    ) -> None:
        super().__init__(cookie_name, owner=owner, convert=convert)
        text = key_text("secret_key", secret_key)
        if not 0 < len(text) <= 32:
            raise ValueError("secret_key must have 1 to 32 characters, as asgi-sessions takes no others")
        self._fernet = Fernet(urlsafe_b64encode(text.ljust(32, "=").encode()))  # as asgi-sessions fills it up
        self._max_age = age_limit("max_age", max_age)

    def identify(self, value: str) -> str:
        try:
            token = urlsafe_b64encode(urlsafe_b64decode(of_usual_size(value))).decode()
            signed_at = self._fernet.extract_timestamp(token)
        except (InvalidToken, ValueError) as fault:
            if isinstance(fault, Refused):
                raise
            raise Refused("it was not sealed with this key, or was changed") from None
        expiry(signed_at, self._max_age)
        return token

    async def read(self, old_id: str) -> OldSession | None:
        content = json_in(self._fernet.decrypt(old_id))
        signed_at = self._fernet.extract_timestamp(old_id)
        return OldSession(values_in(content), expiry(signed_at, self._max_age))
