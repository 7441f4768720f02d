"""Encryption keys as users give them: one or several, as text or as functions that return it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from sessions._cookie import MAX_COOKIE, REMEMBERED
from sessions.iron import Sealer

EncryptionKey = str | Callable[[], str]


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
        """Raises `ValueError` for no key, or one shorter than 32 characters (functions are asked now)."""
        self._keys: list[EncryptionKey] = [keys] if isinstance(keys, str) or callable(keys) else list(keys)
        if not self._keys:
            raise ValueError("encryption_key is an empty list")
        self._fixed = all(isinstance(key, str) for key in self._keys)
        self._secrets = self._ask()
        self._sealer = Sealer(self._secrets)

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
        if not self._fixed and (secrets := self._ask()) != self._secrets:
            self._sealer, self._secrets = Sealer(secrets), secrets
        return self._sealer

    def _ask(self) -> list[str]:
        return [key if isinstance(key, str) else key() for key in self._keys]
