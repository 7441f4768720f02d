"""What the cookie carries: a session's id, or the session itself. One interface, two implementations."""

from sessions.carriers.base import Carried, Carrier
from sessions.carriers.content import ContentCarrier
from sessions.carriers.id import IdCarrier

__all__ = ["Carried", "Carrier", "ContentCarrier", "IdCarrier"]
