"""starsessions: JSON with a `__metadata__` of its own, in a signed cookie or in Redis."""

from __future__ import annotations

import re
import time
from typing import Any, Final

from sessions._lifetime import Duration
from sessions.moving._content import json_in
from sessions.moving._old_cookie import (
    Convert,
    OldCookie,
    OldSession,
    Owner,
    Records,
    Refused,
    answer_of,
    values_in,
)
from sessions.moving._signatures import SecretKey, age_limit
from sessions.moving._starlette import StarletteCookie

YEAR: Final = 360 * 24 * 60 * 60
"""Seconds: how old starsessions lets a cookie be that ends with the browser (`lifetime=0`)."""

MONTH: Final = 30 * 24 * 60 * 60
"""Seconds: how long its Redis store keeps such a session (`gc_ttl`)."""

_METADATA: Final = "__metadata__"
_is_id: Final = re.compile("[0-9a-f]{32}").fullmatch


class StarsessionsCookie(StarletteCookie):
    """The cookie of starsessions' `CookieStore`. Needs `sessions[moving]`.

    Args:
        secret_key: of the `CookieStore`; it may be a list.
        lifetime: as it was in its `SessionMiddleware`, in seconds; 0 for a session that ends with the
            browser.
        cookie_name: as it was in its `SessionMiddleware`.
        cookie_path: as it was in its `SessionMiddleware`.
        cookie_domain: as it was in its `SessionMiddleware`.
        owner: see `OldCookie`.
        convert: see `OldCookie`.
    """

    def __init__(
        self,
        secret_key: SecretKey,
        lifetime: Duration = 0,
        cookie_name: str = "session",
        *,
        cookie_path: str = "/",
        cookie_domain: str | None = None,
        owner: Owner | None = None,
        convert: Convert | None = None,
    ) -> None:
        super().__init__(
            secret_key,
            cookie_name,
            lifetime or YEAR,
            path=cookie_path,
            domain=cookie_domain,
            owner=owner,
            convert=convert,
        )

    def content(self, text: str) -> Any:
        return _without_metadata(super().content(text))


class StarsessionsRedis(OldCookie):
    """A session of starsessions' `RedisStore`.

    Args:
        client: of `redis.asyncio`.
        prefix: as it was in the `RedisStore`.
        lifetime: as it was in its `SessionMiddleware`, in seconds; 0 for a session that ends with the
            browser.
        cookie_name: as it was in its `SessionMiddleware`.
        cookie_path: as it was in its `SessionMiddleware`.
        cookie_domain: as it was in its `SessionMiddleware`.
        owner: see `OldCookie`.
        convert: see `OldCookie`.
    """

    def __init__(
        self,
        client: Records,
        lifetime: Duration = 0,
        cookie_name: str = "session",
        *,
        prefix: str = "starsessions.",
        cookie_path: str = "/",
        cookie_domain: str | None = None,
        owner: Owner | None = None,
        convert: Convert | None = None,
    ) -> None:
        super().__init__(cookie_name, path=cookie_path, domain=cookie_domain, owner=owner, convert=convert)
        self._client = client
        self._prefix = prefix
        self._lifetime = age_limit("lifetime", lifetime or MONTH) or MONTH

    def identify(self, value: str) -> str:
        if not _is_id(value):
            raise Refused("it is no session id")
        return value

    async def read(self, old_id: str) -> OldSession | None:
        text = await answer_of(self._client.get(self._prefix + old_id))
        if not text:
            return None
        return OldSession(values_in(_without_metadata(json_in(text))), time.time() + self._lifetime)

    async def remove(self, old_id: str) -> None:
        await answer_of(self._client.delete(self._prefix + old_id))


def _without_metadata(content: Any) -> Any:
    if isinstance(content, dict):
        content.pop(_METADATA, None)
    return content
