"""What one request wants to be kept of its session, in a form that can be put on any state of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sessions.changes import Change
from sessions.expiry import Lifetime
from sessions.record import Content, Record


class Draft(msgspec.Struct, frozen=True, gc=False):
    """The changes of a request, beside the state that the handler saw with these changes already in it."""

    changes: Sequence[Change]
    content: Content
    now: float
    extend: bool
    """Whether this request counts as activity, and an extension is due."""
    touch: bool = False

    def expiry_on(self, record: Record, lifetime: Lifetime) -> float:
        """When the session ends from now on; unchanged where no extension is due."""
        if self.touch:
            return lifetime.renewed(record.created_at, record.expires_at, self.now)
        if self.extend:
            return lifetime.after_activity(record.created_at, record.expires_at, self.now)
        return record.expires_at
