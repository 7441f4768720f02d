"""Flask-Session: an id in the cookie, and msgpack or JSON in a store."""

from __future__ import annotations

import re
import time
from typing import Any, Final

import msgspec

from sessions._lifetime import Duration
from sessions.moving._flask import MONTH
from sessions.moving._old_cookie import (
    Convert,
    OldCookie,
    OldSession,
    Owner,
    Records,
    Refused,
    answer_of,
    of_usual_size,
    values_in,
)
from sessions.moving._signatures import SecretKey, age_limit, signer, unsigned

_is_id: Final = re.compile("[A-Za-z0-9_-]{16,256}").fullmatch
_from_msgpack: Final = msgspec.msgpack.Decoder().decode
_from_json: Final = msgspec.json.Decoder().decode


class FlaskSession(OldCookie):
    """A session of Flask-Session, from version 0.7 on. What is older, or a pickle, is refused.

    Args:
        client: where the sessions are. Of `redis.asyncio`, if `SESSION_TYPE` was `redis`. Any object with
            the methods of `Records` will do.
        session_cookie_name: as it was in the configuration.
        permanent_session_lifetime: as it was in the configuration, in seconds.
        key_prefix: `SESSION_KEY_PREFIX`.
        path: `SESSION_COOKIE_PATH`.
        domain: `SESSION_COOKIE_DOMAIN`.
        secret_key: only if `SESSION_USE_SIGNER` was on. Needs `sessions[moving]`.
        owner: see `OldCookie`.
        convert: see `OldCookie`.
    """

    def __init__(
        self,
        client: Records,
        session_cookie_name: str = "session",
        permanent_session_lifetime: Duration = MONTH,
        *,
        key_prefix: str = "session:",
        secret_key: SecretKey | None = None,
        path: str = "/",
        domain: str | None = None,
        owner: Owner | None = None,
        convert: Convert | None = None,
    ) -> None:
        super().__init__(session_cookie_name, path=path, domain=domain, owner=owner, convert=convert)
        self._client = client
        self._prefix = key_prefix
        self._lifetime = age_limit("permanent_session_lifetime", permanent_session_lifetime) or MONTH
        self._signer = (
            None if secret_key is None else signer(secret_key, salt="flask-session", derivation="hmac")
        )

    def identify(self, value: str) -> str:
        if self._signer is not None:
            value = unsigned(self._signer, of_usual_size(value))[0]
        if not _is_id(value):
            raise Refused("it is no session id")
        return value

    async def read(self, old_id: str) -> OldSession | None:
        found = await answer_of(self._client.get(self._prefix + old_id))
        if not found:
            return None
        data = found.encode() if isinstance(found, str) else bytes(found)
        return OldSession(values_in(_decoded(data)), time.time() + self._lifetime)

    async def remove(self, old_id: str) -> None:
        await answer_of(self._client.delete(self._prefix + old_id))


def _decoded(data: bytes) -> Any:
    """In whichever of the two formats it is: `SESSION_SERIALIZATION_FORMAT` may have been changed."""
    for decode in (_from_msgpack, _from_json):
        try:
            return decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
    raise Refused("it is neither msgpack nor JSON; a pickle is not opened")
