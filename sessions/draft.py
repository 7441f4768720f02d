"""What one request wants to be kept of its session, in a form that can be put on any state of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from sessions.changes import Change, replay
from sessions.expiry import Lifetime
from sessions.record import Content

if TYPE_CHECKING:
    from sessions.carriers.base import Carried


class Draft(msgspec.Struct, frozen=True):
    """The changes of a request, beside the state that the handler saw with these changes already in it."""

    changes: Sequence[Change]
    seen: Carried | None
    content: Content
    lifetime: Lifetime
    now: float
    extend: bool
    """Whether this request counts as activity. It does not where the browser could not be told."""
    touch: bool = False

    def content_on(self, carried: Carried) -> Content:
        """The content to keep, if `carried` is what the store has now."""
        if carried is self.seen:
            return self.content
        return replay(self.changes, carried.content)

    def expiry_on(self, carried: Carried) -> float | None:
        """When the session ends from now on; unchanged where no extension is due."""
        if self.touch:
            return self.lifetime.renewed(carried.created_at, carried.expires_at, self.now)
        expires_at = carried.expires_at
        if not self.extend or expires_at is None or expires_at - self.now > self.lifetime.rest:
            return expires_at
        return self.lifetime.after_activity(carried.created_at, expires_at, self.now)
