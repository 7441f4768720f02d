"""Encryption keys as users give them: one or several; text, an object that hides it, or a function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, runtime_checkable

from sessions._cookie_header import MAX_COOKIE, REMEMBERED
from sessions.iron import MIN_PASSWORD_LENGTH, Sealer

if TYPE_CHECKING:
    from starlette.datastructures import Secret
else:
    Secret = Any  # Starlette need not be installed


@runtime_checkable
class HidesText(Protocol):
    """An object that shows its text only when asked, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str: ...


KeyText: TypeAlias = str | Secret | HidesText
EncryptionKey: TypeAlias = KeyText | Callable[[], KeyText]

MAKE_ONE: Final = "make one with python -c 'import secrets; print(secrets.token_urlsafe(32))'"


@lru_cache(maxsize=REMEMBERED)
def _remembered(sealer: Sealer, sealed: str) -> bytes:
    return sealer.unseal(sealed)


forget_opened_seals = _remembered.cache_clear


class KeyRing:
    """The first key seals, all of them open: that is how a key is replaced without logging anyone out.

    Functions are asked again for each use, so that a secret which a vault rotates is followed without a
    restart; what is computed from a set of keys is kept as long as they stay the same.
    """

    def __init__(self, keys: EncryptionKey | Sequence[EncryptionKey]) -> None:
        """Asks functions for the first time. No error shows a key.

        Raises `TypeError` for what is no text and has none; `ValueError` for an empty list, and for a text
        that is shorter than 32 characters, one character repeated, or not Unicode.
        """
        self._keys: list[tuple[str, str | Callable[[], object]]] = []
        for name, key in _named(keys):
            if callable(key) and not isinstance(key, HidesText):
                self._keys.append((f"what the function {name} returns", key))
            else:
                self._keys.append((name, _text(name, key)))
        self._fixed = all(isinstance(key, str) for _, key in self._keys)
        self._current = self._made(self._ask())

    def unseal(self, sealed: str) -> bytes:
        """The plaintext of a seal. Raises `InvalidSeal`.

        A browser sends the same cookie with every request until it gets another, so the last ones that
        were opened are remembered; unless they are long, or may expire by themselves.
        """
        fields = sealed.rsplit("*", 3)
        if len(sealed) > MAX_COOKIE or len(fields) < 4 or fields[1]:
            return self.sealer.unseal(sealed)
        return _remembered(self.sealer, sealed)

    @property
    def sealer(self) -> Sealer:
        """Of the keys as they are now. Raises as the constructor does, if a function returns a bad one."""
        texts, sealer = self._current
        if not self._fixed and (asked := self._ask()) != texts:
            self._current = current = self._made(asked)
            return current[1]
        return sealer

    def _ask(self) -> list[str]:
        return [key if isinstance(key, str) else _text(name, key()) for name, key in self._keys]

    def _made(self, texts: list[str]) -> tuple[list[str], Sealer]:
        """Both in one, as threads that ask at the same time must not mix theirs."""
        for (name, _), text in zip(self._keys, texts, strict=True):
            _check(name, text)
        return texts, Sealer(texts)


def _named(keys: Any) -> list[tuple[str, Any]]:
    """Each key with the words that an error calls it by."""
    if isinstance(keys, str | bytes | bytearray | memoryview) or not isinstance(keys, Sequence):
        return [("encryption_key", keys)]
    if not keys:
        raise ValueError(f"encryption_key is an empty list, and needs at least one key; {MAKE_ONE}")
    return [(f"encryption_key[{number}]", key) for number, key in enumerate(keys)]


def _text(name: str, key: object) -> str:
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
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{name} has half a surrogate pair in it, which is no Unicode text; {MAKE_ONE}")
