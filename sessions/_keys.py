"""Encryption keys as users give them: one or several; text, an object that hides it, or a function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    NamedTuple,
    Protocol,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)

from sessions._cookie_header import MAX_COOKIE, REMEMBERED
from sessions.iron import MIN_PASSWORD_LENGTH, Sealer

if TYPE_CHECKING:
    from starlette.datastructures import Secret
else:
    Secret = Any  # Starlette need not be installed


T = TypeVar("T")


@runtime_checkable
class HidesText(Protocol):
    """An object that shows its text only when asked, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str: ...


KeyText: TypeAlias = str | Secret | HidesText
EncryptionKey: TypeAlias = KeyText | Callable[[], KeyText]

MAKE_ONE: Final = "make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'"

PUBLISHED: Final = frozenset(
    {
        "password_at_least_32_characters_long",  # hono-sessions, and sessions.iron
        "complex_password_at_least_32_characters_long",  # iron-session
        "some_not_random_password_that_is_at_least_32_characters",  # @hapi/iron
        "a_long_random_secret_please_change_me",  # iron-webcrypto
    }
)
"""Keys that stand in manuals. Whoever copies an example copies its key too, and everybody knows it."""


@lru_cache(maxsize=REMEMBERED)
def _remembered(sealer: Sealer, sealed: str) -> tuple[bytes, bool]:
    return sealer.opened(sealed)


forget_opened_seals = _remembered.cache_clear


class Purpose(NamedTuple):
    """What the cookies of one middleware are for: a cookie is good for its own purpose and no other."""

    cookie_name: str
    """A prefix such as `__Host-` is part of it."""
    realm: str = ""
    """The app's own word that sets its sessions apart from others with the same cookie name."""

    def of(self, kind: str) -> str:
        """The purpose as text, for what a cookie of this kind holds. No two purposes have the same text.

        A kind and a cookie's name (a token, RFC 9110, section 5.6.2) have no line break in them.
        """
        return f"{kind}\n{self.cookie_name}\n{self.realm}"

    @classmethod
    def checked(cls, cookie_name: str, realm: object) -> Purpose:
        """Raises `TypeError` for a realm that is no text, and `ValueError` for one that is not Unicode."""
        if not isinstance(realm, str):
            raise TypeError(f"realm is of type {type(realm).__name__}, and must be text")
        if _has_half_a_pair(realm):
            raise ValueError("realm has half a surrogate pair in it, which is no Unicode text")
        return cls(cookie_name, realm)


class KeyRing:
    """The first key seals, all of them open: that is how a key is replaced without logging anyone out.

    Functions are asked again for each use, so that a secret which a vault rotates is followed without a
    restart; what is computed from a set of keys is kept as long as they stay the same.
    """

    def __init__(self, keys: EncryptionKey | Sequence[EncryptionKey]) -> None:
        """Asks functions for the first time. No error shows a key.

        Raises `TypeError` for what is no text and has none; `ValueError` for an empty list, and for a text
        that is shorter than 32 characters, one character repeated, printed in a manual, or not Unicode.
        """
        self._keys: list[tuple[str, str | Callable[[], object]]] = []
        for name, key in _named(keys):
            if callable(key) and not isinstance(key, HidesText):
                self._keys.append((f"what the function {name} returns", key))
            else:
                self._keys.append((name, key_text(name, key)))
        self.fixed = all(isinstance(key, str) for _, key in self._keys)
        self.texts = self.now([])

    def now(self, known: list[str]) -> list[str]:
        """The keys as they are now; the list that is known if they are the same.

        Raises as the constructor does, if a function returns a bad one.
        """
        texts = [key if isinstance(key, str) else key_text(name, key()) for name, key in self._keys]
        if texts == known:
            return known
        for (name, _), text in zip(self._keys, texts, strict=True):
            _check(name, text)
        return texts

    def sealing(self, purpose: str) -> Sealing:
        """What seals with these keys, for one purpose. Without a purpose: seals that any Iron opens."""
        return Sealing(self, purpose)


class MadeOfKeys(Generic[T]):
    """What is made of a set of keys, and kept as long as they stay the same."""

    def __init__(self, ring: KeyRing, make: Callable[[list[str]], T]) -> None:
        self._ring = ring
        self._make = make
        # Both in one, as threads that ask at the same time must not mix theirs.
        self._current = ring.texts, make(ring.texts)

    @property
    def now(self) -> T:
        """Of the keys as they are now. Raises as `KeyRing` does, if a function returns a bad one."""
        texts, made = self._current
        if not self._ring.fixed and (asked := self._ring.now(texts)) is not texts:
            self._current = current = asked, self._make(asked)
            return current[1]
        return made


class Sealing:
    """Makes and opens the seals of one purpose."""

    def __init__(self, ring: KeyRing, purpose: str) -> None:
        # With a context of our own, as a purpose that an app gives to `iron.seal` must never be one of these.
        self._sealers = MadeOfKeys(
            ring, lambda texts: Sealer(texts, purpose=purpose, _context=b"sessions.cookie")
        )

    def seal(self, plaintext: bytes) -> str:
        return self._sealers.now.seal(plaintext)

    def opened(self, sealed: str) -> tuple[bytes, bool]:
        """The plaintext of a seal, and whether the first key made the seal. Raises `InvalidSeal`.

        A browser sends the same cookie with every request until it gets another, so the last ones that
        were opened are remembered; unless they are long, or may expire by themselves.
        """
        fields = sealed.rsplit("*", 3)
        if len(sealed) > MAX_COOKIE or len(fields) < 4 or fields[1]:
            return self._sealers.now.opened(sealed)
        return _remembered(self._sealers.now, sealed)

    @property
    def sealer(self) -> Sealer:
        return self._sealers.now


def _named(keys: Any) -> list[tuple[str, Any]]:
    """Each key with the words that an error calls it by."""
    if isinstance(keys, str | bytes | bytearray | memoryview) or not isinstance(keys, Sequence):
        return [("encryption_key", keys)]
    if not keys:
        raise ValueError(f"encryption_key is an empty list, and needs at least one key; {MAKE_ONE}")
    return [(f"encryption_key[{number}]", key) for number, key in enumerate(keys)]


def key_text(name: str, key: object) -> str:
    """The text of a key. Raises `TypeError` for what has none."""
    if isinstance(key, str):
        return key
    if _is_starlettes(key):
        return str(key)
    text = key.get_secret_value() if isinstance(key, HidesText) else None
    if isinstance(text, str):
        return text
    raise TypeError(f"{name} is of type {type(key).__name__}, and must be text; {MAKE_ONE}")


def _is_starlettes(key: object) -> bool:
    """Whether it is a `Secret` of Starlette: whoever made one has imported the module."""
    module = sys.modules.get("starlette.datastructures")
    return module is not None and isinstance(key, module.Secret)


def _check(name: str, text: str) -> None:
    if len(text) < MIN_PASSWORD_LENGTH:
        raise ValueError(
            f"{name} has {len(text)} characters, at least {MIN_PASSWORD_LENGTH} are needed; {MAKE_ONE}"
        )
    if text == text[0] * len(text):
        raise ValueError(f"{name} is one character repeated, which can be guessed; {MAKE_ONE}")
    if text in PUBLISHED:
        raise ValueError(f"{name} is printed in a manual, so everybody knows it; {MAKE_ONE}")
    if _has_half_a_pair(text):
        raise ValueError(f"{name} has half a surrogate pair in it, which is no Unicode text; {MAKE_ONE}")


def _has_half_a_pair(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
