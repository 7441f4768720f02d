"""Encryption keys as users give them: one or several, as text or as functions that return it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sessions.iron import Sealer

EncryptionKey = str | Callable[[], str]


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

    @property
    def sealer(self) -> Sealer:
        if not self._fixed and (secrets := self._ask()) != self._secrets:
            self._sealer, self._secrets = Sealer(secrets), secrets
        return self._sealer

    def _ask(self) -> list[str]:
        return [key if isinstance(key, str) else key() for key in self._keys]
