"""Signed texts: those of itsdangerous, and Django's, whose signatures itsdangerous can check too."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from sessions._keys import HidesText, key_text
from sessions._lifetime import Duration
from sessions.moving._old_cookie import OldCookie, OldSession, Owner, Refused, of_usual_size, values_in

if TYPE_CHECKING:
    from itsdangerous import Signer

SecretKey = Any
"""Text, bytes, Starlette's `Secret`, pydantic's `SecretStr`; or a list of these, the current one first."""


def keys_of(secret_key: SecretKey) -> list[bytes]:
    """As itsdangerous wants them, the current one last. No error shows a key.

    Raises `TypeError` for what is no key, and `ValueError` for an empty one.
    """
    several = isinstance(secret_key, Sequence) and not isinstance(secret_key, str | bytes | HidesText)
    given = list(secret_key) if several else [secret_key]
    keys = [key if isinstance(key, bytes) else key_text("secret_key", key).encode() for key in given]
    if not keys or not all(keys):
        raise ValueError("secret_key is empty")
    return keys[::-1]


def signer(
    secret_key: SecretKey,
    *,
    salt: str | None = None,
    separator: str = ".",
    derivation: Literal["django-concat", "hmac"] = "django-concat",
    digest: Literal["sha1", "sha256"] = "sha1",
) -> Signer:
    """Raises `ImportError` without itsdangerous."""
    try:
        import itsdangerous  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError:
        raise ImportError(
            'it takes itsdangerous to read this cookie: pip install "sessions[moving]"'
        ) from None
    return itsdangerous.Signer(
        keys_of(secret_key),
        salt=salt or b"itsdangerous.Signer",
        sep=separator,
        key_derivation=derivation,
        digest_method=hashlib.sha1 if digest == "sha1" else hashlib.sha256,
    )


def unsigned(signer: Signer, text: str) -> tuple[str, str]:
    """What was signed, and all of it with its signature in the one spelling that is usual.

    A signature has spare bits at its end, so that the same one can be spelled in several ways. Raises
    `Refused`.
    """
    from itsdangerous import BadSignature  # noqa: PLC0415
    from itsdangerous.encoding import base64_decode, base64_encode  # noqa: PLC0415

    try:
        value = signer.unsign(text).decode()
    except (BadSignature, ValueError):
        raise Refused("it was not signed with this key, or was changed") from None
    separator = signer.sep.decode()
    signature = base64_encode(base64_decode(text.rpartition(separator)[2])).decode()
    return value, f"{value}{separator}{signature}"


def age_limit(name: str, value: Duration | None) -> float | None:
    """Seconds; None for no limit. Raises `TypeError` and `ValueError` for what is no age."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        raise TypeError(f"{name} is a number of seconds or a timedelta, not {type(value).__name__}")
    number = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not number > 0:
        raise ValueError(f"{name} must be more than 0 s")
    return number


def expiry(signed_at: float, max_age: float | None) -> float:
    """When a text ends that was signed then. Raises `Refused` for one that is over, or from the future."""
    age = time.time() - signed_at
    if age < -1:  # the whole second in which it was signed may not be over
        raise Refused("it was signed in the future")
    if max_age is not None and age > max_age:
        raise Refused("it is too old")
    return inf if max_age is None else signed_at + max_age


class SignedCookie(OldCookie):
    """A cookie of which the signature and its age are all that the server checks."""

    def __init__(
        self, signer: Signer, cookie_name: str, max_age: Duration | None, owner: Owner | None, **options: Any
    ) -> None:
        super().__init__(cookie_name, owner=owner, **options)
        self._signer = signer
        self._max_age = age_limit("max_age", max_age)

    def identify(self, value: str) -> str:
        text, old_id = unsigned(self._signer, of_usual_size(value))
        self._opened(text)
        return old_id

    async def read(self, old_id: str) -> OldSession | None:
        content, signed_at = self._opened(unsigned(self._signer, old_id)[0])
        return OldSession(values_in(self.content(content)), expiry(signed_at, self._max_age))

    def _opened(self, text: str) -> tuple[str, float]:
        content, _, stamp = text.rpartition(self._signer.sep.decode())
        try:
            signed_at = self.moment(stamp)
        except (ValueError, OverflowError):
            raise Refused("it does not say when it was signed") from None
        expiry(signed_at, self._max_age)
        return content, signed_at

    def moment(self, stamp: str) -> float:
        """Seconds since the epoch, as itsdangerous writes them. Raises `ValueError`."""
        from itsdangerous import BadData  # noqa: PLC0415
        from itsdangerous.encoding import base64_decode  # noqa: PLC0415

        try:
            return float(int.from_bytes(base64_decode(stamp)[-9:], "big"))
        except BadData:
            raise ValueError("no time") from None

    def content(self, text: str) -> Any:
        """What the signed text holds. Raises `Refused`."""
        raise NotImplementedError
