"""Flask's own sessions, and Quart's: tagged JSON, signed by itsdangerous."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Final
from uuid import UUID

from sessions._lifetime import Duration
from sessions.moving._content import json_in, packed
from sessions.moving._old_cookie import Convert, Owner, Refused
from sessions.moving._signatures import SecretKey, SignedCookie, signer

MONTH: Final = 31 * 24 * 60 * 60
"""Seconds: Flask's `PERMANENT_SESSION_LIFETIME` by default."""

_UNTAGGED: Final[dict[str, Callable[[Any], Any]]] = {
    " di": lambda value: {name.removesuffix("__"): item for name, item in value.items()},
    " t": tuple,
    " b": b64decode,
    " m": str,
    " u": UUID,
    " d": parsedate_to_datetime,
}
"""What `flask.json.tag` writes for a dict that looks like a tag, a tuple, bytes, Markup, a UUID, a date."""


class FlaskCookie(SignedCookie):
    """The signed cookie of Flask and of Quart. Needs `sessions[moving]`.

    Args:
        secret_key: as it was there; for `SECRET_KEY_FALLBACKS` a list, the current one first.
        session_cookie_name: as it was in the configuration.
        permanent_session_lifetime: as it was in the configuration, in seconds.
        path: `SESSION_COOKIE_PATH`.
        domain: `SESSION_COOKIE_DOMAIN`.
        partitioned: `SESSION_COOKIE_PARTITIONED`.
        owner: see `OldCookie`.
        convert: see `OldCookie`. It gets tuples as tuples, dates as `datetime`, and so on.
    """

    def __init__(
        self,
        secret_key: SecretKey,
        session_cookie_name: str = "session",
        permanent_session_lifetime: Duration = MONTH,
        *,
        path: str = "/",
        domain: str | None = None,
        partitioned: bool = False,
        owner: Owner | None = None,
        convert: Convert | None = None,
    ) -> None:
        super().__init__(
            signer(secret_key, salt="cookie-session", derivation="hmac"),
            session_cookie_name,
            permanent_session_lifetime,
            owner,
            path=path,
            domain=domain,
            partitioned=partitioned,
            convert=convert,
        )

    def content(self, text: str) -> Any:
        try:
            return _untagged(json_in(packed(text)))
        except Refused:
            raise
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise Refused("it holds no tagged JSON of Flask's") from None


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: _untagged(item) for name, item in value.items()}
    if len(value) == 1:
        ((tag, item),) = value.items()
        if tag in _UNTAGGED:
            return _UNTAGGED[tag](item)
    return value
