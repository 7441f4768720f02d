"""What the cookie carries: a session's id, or the session itself. One interface, two implementations."""

from sessions._carriers.base import (
    Carried,
    Carrier,
    Loaded,
    MovedIn,
    MovingIn,
    SealedByOlderKey,
    opened_by,
)
from sessions._carriers.content import ContentCarrier
from sessions._carriers.hono import HonoCarrier
from sessions._carriers.id import IdCarrier, new_seed

__all__ = [
    "Carried",
    "Carrier",
    "ContentCarrier",
    "HonoCarrier",
    "IdCarrier",
    "Loaded",
    "MovedIn",
    "MovingIn",
    "SealedByOlderKey",
    "new_seed",
    "opened_by",
]
