"""The device that a session is bound to, as the session's content has it.

    unbound ──► invited ──► bound
       a login over https    its browser has registered a key

The identifier and the key stay as long as the session has the same owner. Challenges and the bound cookie are
MACs under the secret, so that no proof writes anything.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

import msgspec

from sessions._hidden import Hidden
from sessions._lifetime import EPOCH, moment

_ID_BYTES: Final = 16
_SECRET_BYTES: Final = 32


class Device(Hidden, msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What binds a session to a device."""

    id: str
    """Names the binding to the browser; it stays through changes of the session's id."""
    secret: str
    """Of the MACs. Only the record has it."""
    key: str | None = None
    """The device's public key: both coordinates of a point of P-256, 64 bytes in base64url. None as long as
    the browser was only invited to register one."""
    bound_at: float | None = None
    """When the key was registered, in seconds since the epoch."""

    @property
    def is_bound(self) -> bool:
        return self.key is not None

    def bound(self, key: str, now: float) -> Device:
        """The same with the device's key."""
        return Device(self.id, self.secret, key, now)


class DeviceProof(Hidden, msgspec.Struct, frozen=True):
    """That the request came from the device that its session is bound to. Times are in UTC."""

    proved_at: datetime
    """When the device proved last that it has its key."""
    expires_at: datetime
    """When the proof is over. The browser renews it before that by itself."""


def new_device() -> Device:
    return Device(secrets.token_urlsafe(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES))


def proof_of(proved_at: float, max_age: float) -> DeviceProof:
    return DeviceProof(moment(proved_at) or EPOCH, moment(proved_at + max_age) or EPOCH)
