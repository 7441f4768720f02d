"""Django's sessions: signed JSON, in the cookie or in the database, or what its cache keeps.

Django itself is not asked for any signature, so that the new app needs neither it nor its settings:
itsdangerous knows how Django makes its keys.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Final, Protocol

from sessions._lifetime import Duration
from sessions.moving._content import json_in, packed
from sessions.moving._old_cookie import (
    TWO_WEEKS,
    Convert,
    OldCookie,
    OldSession,
    Owner,
    Refused,
    answer_of,
    values_in,
)
from sessions.moving._signatures import SecretKey, SignedCookie, age_limit, signer, unsigned

if TYPE_CHECKING:
    from itsdangerous import Signer
    from sqlalchemy.ext.asyncio import AsyncEngine

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_is_key: Final = re.compile("[0-9a-z]{8,40}").fullmatch
"""`VALID_KEY_CHARS`. Some databases take large letters for small ones."""


def user_of(data: dict[str, Any]) -> str | None:
    """Whom Django's own login has signed in."""
    user = data.get("_auth_user_id")
    return None if user is None else str(user)


def _signer(secret_key: SecretKey, salt: str) -> Signer:
    return signer(secret_key, salt=salt, separator=":", digest="sha256")


def _moment(stamp: str) -> float:
    """Seconds since the epoch, of digits to the base 62. Raises `ValueError`."""
    if not 0 < len(stamp) <= 9:
        raise ValueError("no time")
    number = 0
    for digit in stamp:
        number = number * 62 + _DIGITS.index(digit)
    return float(number)


class DjangoSignedCookie(SignedCookie):
    """The cookie of Django's engine `signed_cookies`. Needs `sessions[moving]`.

    With `PickleSerializer` it is refused: a pickle is a program.

    Args:
        secret_key: as it was in the settings; for `SECRET_KEY_FALLBACKS` a list, the current one first.
        session_cookie_name: as it was in the settings.
        session_cookie_age: as it was in the settings, in seconds.
        path: `SESSION_COOKIE_PATH`.
        domain: `SESSION_COOKIE_DOMAIN`.
        owner: by default whom Django's own login has signed in.
        convert: see `OldCookie`.
    """

    def __init__(
        self,
        secret_key: SecretKey,
        session_cookie_name: str = "sessionid",
        session_cookie_age: Duration = TWO_WEEKS,
        *,
        path: str = "/",
        domain: str | None = None,
        owner: Owner | None = user_of,
        convert: Convert | None = None,
    ) -> None:
        super().__init__(
            _signer(secret_key, "django.contrib.sessions.backends.signed_cookies"),
            session_cookie_name,
            session_cookie_age,
            owner,
            path=path,
            domain=domain,
            convert=convert,
        )

    def moment(self, stamp: str) -> float:
        return _moment(stamp)

    def content(self, text: str) -> Any:
        return json_in(packed(text))


class _StoredSession(OldCookie):
    """What all have in common of which the cookie is a key of 32 letters and digits."""

    def identify(self, value: str) -> str:
        if not _is_key(value):
            raise Refused("it is no session key")
        return value


class DjangoDatabase(_StoredSession):
    """A session of Django's engines `db` and `cached_db`. Needs `sessions[moving,sqlalchemy]`.

    Args:
        engine: an `AsyncEngine` of SQLAlchemy for Django's database.
        secret_key: as it was in the settings; for `SECRET_KEY_FALLBACKS` a list, the current one first.
        session_cookie_name: as it was in the settings.
        path: `SESSION_COOKIE_PATH`.
        domain: `SESSION_COOKIE_DOMAIN`.
        table: of the sessions.
        time_zone: the zone of the times in the table where the database keeps none. UTC, unless `USE_TZ` was
            off.
        owner: by default whom Django's own login has signed in.
        convert: see `OldCookie`.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        secret_key: SecretKey,
        session_cookie_name: str = "sessionid",
        *,
        table: str = "django_session",
        time_zone: tzinfo = UTC,
        path: str = "/",
        domain: str | None = None,
        owner: Owner | None = user_of,
        convert: Convert | None = None,
    ) -> None:
        try:
            import sqlalchemy  # noqa: PLC0415 (an extra)
        except ModuleNotFoundError:
            raise ImportError('DjangoDatabase needs SQLAlchemy: pip install "sessions[sqlalchemy]"') from None
        super().__init__(session_cookie_name, path=path, domain=domain, owner=owner, convert=convert)
        self._engine = engine
        self._time_zone = time_zone
        self._signer = _signer(secret_key, "django.contrib.sessions.SessionStore")
        sessions = sqlalchemy.table(
            table,
            sqlalchemy.column("session_key", sqlalchemy.String),
            sqlalchemy.column("session_data", sqlalchemy.Text),
            sqlalchemy.column("expire_date", sqlalchemy.DateTime(timezone=True)),
        )
        mine = sessions.c.session_key == sqlalchemy.bindparam("key")
        self._select = sqlalchemy.select(sessions.c.session_data, sessions.c.expire_date).where(mine)
        self._delete = sqlalchemy.delete(sessions).where(mine)

    async def read(self, old_id: str) -> OldSession | None:
        row = await answer_of(self._row(old_id))
        if row is None:
            return None
        text, expires = row
        expires = expires if expires.tzinfo else expires.replace(tzinfo=self._time_zone)
        if expires.timestamp() <= time.time():
            return None
        content = unsigned(self._signer, text)[0].rpartition(":")[0]
        return OldSession(values_in(json_in(packed(content))), expires.timestamp())

    async def _row(self, old_id: str) -> tuple[str, datetime] | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(self._select, {"key": old_id})).first()
        return None if row is None else (row[0], row[1])

    async def remove(self, old_id: str) -> None:
        await answer_of(self._remove(old_id))

    async def _remove(self, old_id: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(self._delete, {"key": old_id})


class Cache(Protocol):
    """One of Django's caches."""

    def aget(self, key: Any, /) -> Any: ...

    def adelete(self, key: Any, /) -> Any: ...


class DjangoCache(_StoredSession):
    """A session of Django's engine `cache`.

    Django's own object reads it, so that settings of Django are needed in the new app. Most of Django's
    caches keep pickles. They are opened by Django, as they always were, and only what your own cache server
    says.

    Args:
        cache: `django.core.cache.caches["default"]`, or what `SESSION_CACHE_ALIAS` said.
        session_cookie_name: as it was in the settings.
        session_cookie_age: as it was in the settings, in seconds.
        path: `SESSION_COOKIE_PATH`.
        domain: `SESSION_COOKIE_DOMAIN`.
        owner: by default whom Django's own login has signed in.
        convert: see `OldCookie`.
    """

    def __init__(
        self,
        cache: Cache,
        session_cookie_name: str = "sessionid",
        session_cookie_age: Duration = TWO_WEEKS,
        *,
        path: str = "/",
        domain: str | None = None,
        owner: Owner | None = user_of,
        convert: Convert | None = None,
    ) -> None:
        super().__init__(session_cookie_name, path=path, domain=domain, owner=owner, convert=convert)
        self._cache = cache
        self._age = age_limit("session_cookie_age", session_cookie_age) or TWO_WEEKS

    async def read(self, old_id: str) -> OldSession | None:
        content = await answer_of(self._cache.aget(_PREFIX + old_id))
        return None if content is None else OldSession(values_in(content), time.time() + self._age)

    async def remove(self, old_id: str) -> None:
        await answer_of(self._cache.adelete(_PREFIX + old_id))


_PREFIX: Final = "django.contrib.sessions.cache"
"""`KEY_PREFIX` of Django's engine."""
